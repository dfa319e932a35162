"""Names and codes of languages, as data: ISO 639-1 tag, its other codes (ISO 639-2 T and B, withdrawn ones): names.

Names are those of the Unicode CLDR (as in Babel) in English, French, Spanish, German, Italian, Portuguese and the
language itself, folded: lower case, without accents.
"""

# ruff: noqa: E501

from __future__ import annotations

TWO_LETTERS = """
aa aar: afar, qafar
ab abk: abkhazian, abkhaze, abjasio, abchasisch, abcaso, abcazio, аԥсшәа
ae ave: avestan, avestique, avestico, avestisch
af afr: afrikaans, africaner
ak aka: akan
am amh: amharic, amharique, amarico, amharisch, አማርኛ
an arg: aragonese, aragonais, aragones, aragonesisch
ar ara: arabic, arabe, arabisch, arabo, العربية
as asm: assamese, assamais, asames, assamesisch, assames, অসমীযা
av ava: avaric, avar, awarisch, avaro, avarico
ay aym: aymara, aimara
az aze: azerbaijani, azerbaidjanais, azerbaiyano, aserbaidschanisch, azerbaigiano, azerbaijano, azərbaycan
ba bak: bashkir, bachkir, baskir, baschkirisch, baschiro, башҡорт теле
be bel: belarusian, bielorusse, bielorruso, belarussisch, bielorusso, bielorrusso, беларуская
bg bul: bulgarian, bulgare, bulgaro, bulgarisch, български
bi bis: bislama, bichelamar
bm bam: bambara, bamanakan
bn ben: bangla, bengali, bengalisch, bengalese, বাংলা
bo bod tib: tibetan, tibetain, tibetano, tibetisch, བད་སྐད་
br bre: breton, bretonisch, bretone, bretao, brezhoneg
bs bos: bosnian, bosniaque, bosnio, bosnisch, bosniaco, bosanski
ca cat: catalan, katalanisch, catalano, catalao, catala
ce che: chechen, tchetchene, checheno, tschetschenisch, ceceno, нохчиин
ch cha: chamorro
co cos: corsican, corse, corso, korsisch, corsu
cr cre: cree
cs ces cze: czech, tcheque, checo, tschechisch, ceco, tcheco, cestina
cu chu: church slavic, slavon d’eglise, eslavo eclesiastico, kirchenslawisch, slavo ecclesiastico, церковнословенскіи
cv chv: chuvash, tchouvache, chuvasio, tschuwaschisch, ciuvascio, tchuvache, чаваш
cy cym wel: welsh, gallois, gales, walisisch, gallese, cymraeg
da dan: danish, danois, danes, danisch, danese, dinamarques, dansk
de deu ger: german, allemand, aleman, deutsch, tedesco, alemao
dv div: divehi, maldivien, dhivehi, ދިވެހިބަސް
dz dzo: dzongkha, dzonga, རྫང་ཁ
ee ewe: ewe, eʋegbe
el ell gre: greek, grec, griego, griechisch, greco, grego, ελληνικα
en eng: english, anglais, ingles, englisch, inglese
eo epo: esperanto
es spa: spanish, espagnol, espanol, spanisch, spagnolo, espanhol, castellano, castillan, castilian
et est: estonian, estonien, estonio, estnisch, estone, estoniano, eesti
eu eus baq: basque, euskera, baskisch, basco, euskara
fa fas per: persian, persan, persa, persisch, persiano, فارسی
ff ful: fula, peul, ful, fulah, pulaar
fi fin: finnish, finnois, fines, finnisch, finlandese, finlandes, suomi
fj fij: fijian, fidjien, fiyiano, fidschi, figiano, fijiano
fo fao: faroese, feroien, feroes, faroisch, føroyskt
fr fra fre: french, francais, frances, franzosisch, francese
fy fry: western frisian, frison occidental, westfriesisch, frisone occidentale, frisio ocidental, frysk
ga gle: irish, irlandais, irlandes, irisch, irlandese, gaeilge
gd gla: scottish gaelic, gaelique ecossais, gaelico escoces, gaelico scozzese, gaidhlig
gl glg: galician, galicien, gallego, galicisch, galiziano, galego
gn grn: guarani, avane’e
gu guj: gujarati, goudjarati, guyarati, guzerate, ગુજરાતી
gv glv: manx, mannois, manes, mannese, gaelg
ha hau: hausa, haoussa, haussa, hauca
he heb iw: hebrew, hebreu, hebreo, hebraisch, ebraico, hebraico, עברית
hi hin: hindi, हिनदी
ho hmo: hiri motu, hiri-motu
hr hrv scr: croatian, croate, croata, kroatisch, croato, hrvatski
ht hat: haitian creole, creole haitien, criollo haitiano, haiti-kreolisch, creolo haitiano, haitiano, kreyol ayisyen
hu hun: hungarian, hongrois, hungaro, ungarisch, ungherese, magyar
hy hye arm: armenian, armenien, armenio, armenisch, armeno, հայերեն
hz her: herero
ia ina: interlingua
id ind in: indonesian, indonesien, indonesio, indonesisch, indonesiano, indonesia
ie ile: interlingue
ig ibo: igbo
ii iii: sichuan yi, yi du sichuan, yi de sichuan, yi, ꆈꌠꉙ
ik ipk: inupiaq, inupiak, inupiaque
io ido: ido
is isl ice: icelandic, islandais, islandes, islandisch, islandese, islenska
it ita: italian, italien, italiano, italienisch
iu iku: inuktitut, ᐃᓄᒃᑎᑐᑦ
ja jpn: japanese, japonais, japones, japanisch, giapponese, 日本語
jv jav jw: javanese, javanais, javanes, javanisch, giavanese, jawa
ka kat geo: georgian, georgien, georgiano, georgisch, ქართული
kg kon: kongo, kikongo, kongolesisch, congoles
ki kik: kikuyu, quicuio, gikuyu
kj kua: kuanyama, kwanyama, cuanhama
kk kaz: kazakh, kazajo, kasachisch, kazako, cazaque, қазақ тілі
kl kal: kalaallisut, groenlandais, groenlandes, gronlandisch, groenlandese
km khm: khmer, jemer, ខមែរ
kn kan: kannada, canares, canarim, ಕನನಡ
ko kor: korean, coreen, coreano, koreanisch, 한국어
kr kau: kanuri, kanouri, canuri
ks kas: kashmiri, cachemiri, cachemir, kaschmiri, caxemira, کٲشر
ku kur: kurdish, kurde, kurdo, kurdisch, curdo
kv kom: komi
kw cor: cornish, cornique, cornico, kornisch, kernewek
ky kir: kyrgyz, kirghize, kirguis, kirgisisch, kirghiso, quirguiz, кыргызча
la lat: latin, latein, latino, latim, latina
lb ltz: luxembourgish, luxembourgeois, luxemburgues, luxemburgisch, lussemburghese, letzebuergesch
lg lug: ganda, luganda
li lim: limburgish, limbourgeois, limburgues, limburgisch, limburghese
ln lin: lingala
lo lao: lao, laotisch, laosiano, ລາວ
lt lit: lithuanian, lituanien, lituano, litauisch, lietuviu
lu lub: luba-katanga, luba-catanga, tshiluba
lv lav: latvian, letton, leton, lettisch, lettone, letao, latviesu
mg mlg: malagasy, malgache, malgascio, malgaxe
mh mah: marshallese, marshallais, marshales, marschallesisch
mi mri mao: maori
mk mkd mac: macedonian, macedonien, macedonio, mazedonisch, macedone, македонски
ml mal: malayalam, malaiala, മലയാളം
mn mon: mongolian, mongol, mongolisch, mongolo, монгол
mr mar: marathi, marati, मराठी
ms msa may: malay, malais, malayo, malaiisch, malese, malaio, melayu
mt mlt: maltese, maltais, maltes, maltesisch, malti
my mya bur: burmese, birman, birmano, birmanisch, birmanes, မြနမာ
na nau: nauru, nauruan, nauruano, nauruisch
nb nob: norwegian bokmal, norvegien bokmal, noruego bokmal, norvegese bokmal, bokmal noruegues, norsk bokmal
nd nde: north ndebele, ndebele du nord, ndebele septentrional, nord-ndebele, ndebele del nord, ndebele do norte, isindebele
ne nep: nepali, nepalais, nepalesisch, nepalese, nepales, नेपाली
ng ndo: ndonga, dongo
nl nld dut: dutch, neerlandais, neerlandes, niederlandisch, olandese, holandes, nederlands
nn nno: norwegian nynorsk, norvegien nynorsk, noruego nynorsk, norvegese nynorsk, nynorsk noruegues, norsk nynorsk
no nor: norwegian, norvegien, noruego, norwegisch, norvegese, noruegues, norsk
nr nbl: south ndebele, ndebele du sud, ndebele meridional, sud-ndebele, ndebele del sud, ndebele do sul
nv nav: navajo, dine bizaad
ny nya: nyanja, chewa, nianja
oc oci: occitan, occitano, okzitanisch, occitanico
oj oji: ojibwa
om orm: oromo, oromoo
or ori: odia, oriya, oria, ଓଡିଆ
os oss: ossetic, ossete, osetico, ossetisch, ossetico, osseto, ирон
pa pan: punjabi, pendjabi, punyabi, panjabi, ਪੰਜਾਬੀ
pi pli: pali
pl pol: polish, polonais, polaco, polnisch, polacco, polones, polski
ps pus: pashto, pachto, pastun, paschtu, پښتو
pt por: portuguese, portugais, portugues, portugiesisch, portoghese
qu que: quechua, quichua, runasimi
rm roh: romansh, romanche, ratoromanisch, romancio, rumantsch
rn run: rundi, roundi, kirundi, ikirundi
ro ron rum mo: romanian, roumain, rumano, rumanisch, rumeno, romeno, romana
ru rus: russian, russe, ruso, russisch, russo, русскии
rw kin: kinyarwanda, quiniaruanda, ikinyarwanda
sa san: sanskrit, sanscrito, संसकृत भाषा
sc srd: sardinian, sarde, sardo, sardisch, sardu
sd snd: sindhi, sindi, سنڌي
se sme: northern sami, same du nord, sami septentrional, nordsamisch, sami del nord, sami setentrional, davvisamegiella
sg sag: sango
si sin: sinhala, cingalais, cingales, singhalesisch, singalese, සිංහල
sk slk slo: slovak, slovaque, eslovaco, slowakisch, slovacco, slovencina
sl slv: slovenian, slovene, esloveno, slowenisch, sloveno, slovenscina
sm smo: samoan, samoano, samoanisch
sn sna: shona, xona, chishona
so som: somali, somalo, soomaali
sq sqi alb: albanian, albanais, albanes, albanisch, albanese, shqip
sr srp scc: serbian, serbe, serbio, serbisch, serbo, servio, српски
ss ssw: swati, suazi, swazi, siswati
st sot: southern sotho, sotho du sud, sotho meridional, sud-sotho, sotho del sud, soto do sul, sesotho
su sun: sundanese, soundanais, sundanes, sundanesisch, basa sunda
sv swe: swedish, suedois, sueco, schwedisch, svedese, svenska
sw swa: swahili, suajili, suaheli, suaili, kiswahili
ta tam: tamil, tamoul, தமிழ
te tel: telugu, telougou, telugo, తెలుగు
tg tgk: tajik, tadjik, tayiko, tadschikisch, tagico, tadjique, тоҷики
th tha: thai, tailandes, thailandisch, thailandese, ไทย
ti tir: tigrinya, tigrigna, tigrina, tigrino, tigrinia, ትግርኛ
tk tuk: turkmen, turkmene, turcomano, turkmenisch, turcomanno, turcomeno, turkmen dili
tl tgl: tagalog, tagalo, filipino
tn tsn: tswana, setsuana, setswana
to ton: tongan, tongien, tongano, tongaisch, tonganes, lea fakatonga
tr tur: turkish, turc, turco, turkisch, turkce
ts tso: tsonga, xitsonga
tt tat: tatar, tartaro, tatarisch, tataro, татар
tw twi: twi, ci
ty tah: tahitian, tahitien, tahitiano, tahitisch, taitiano
ug uig: uyghur, ouighour, uigur, uigurisch, uiguro, يۇيغۇرچە
uk ukr: ukrainian, ukrainien, ucraniano, ukrainisch, ucraino, украінська
ur urd: urdu, ourdou, اردو
uz uzb: uzbek, ouzbek, uzbeko, usbekisch, uzbeco, uzbeque, o‘zbek
ve ven: venda, tshivenda
vi vie: vietnamese, vietnamien, vietnamita, vietnamesisch, tieng viet
vo vol: volapuk, volapuque
wa wln: walloon, wallon, valon, wallonisch, vallone, valao, walon
wo wol: wolof, uolofe
xh xho: xhosa, isixhosa
yi yid ji: yiddish, yidis, jiddisch, iidiche, יידיש
yo yor: yoruba, ioruba, ede yoruba
za zha: zhuang, vahcuengh
zh zho chi: chinese, chinois, chino, chinesisch, cinese, chines, 中文
zu zul: zulu, zoulou, isizulu
"""

THREE_LETTERS = """
ace ach ada ady aeb afh agq ain akk akz ale aln alt ang ann anp arc arn aro arp arq ars arw ary arz asa ase ast atj
avk awa bal ban bar bas bax bbc bbj bej bem bew bez bfd bfq bgc bgn bho bik bin bjn bkm bla blo blt bpy bqi bra brh
brx bss bua bug bum byn byv cad car cay cch ccp ceb cgg chb chg chk chm chn cho chp chr chy cic ckb clc cop cps crg
crh crj crk crl crm crr crs csb csw dak dar dav del den dgr din dje doi dsb dtp dua dum dyo dyu dzg ebu efi egl egy
eka elx enm esu ewo ext fan fat fil fit fon frc frm fro frp frr frs fur gaa gag gan gay gba gbz gez gil glk gmh goh
gon gor got grb grc gsw guc gur guz gwi hai hak haw hax hif hil hit hmn hnj hsb hsn hup hur iba ibb ikt ilo inh izh
jam jbo jgo jmc jpr jrb jut kaa kab kac kaj kam kaw kbd kbl kcg kde kea ken kfo kgp kha kho khq khw kiu kkj kln kmb
koi kok kos kpe krc kri krj krl kru ksb ksf ksh kum kut kwk kxv lad lag lah lam lez lfn lij lil liv lkt lmo lol lou
loz lrc lsm ltg lua lui lun luo lus luy lzh lzz mad maf mag mai mak man mas mde mdf mdr men mer mfe mga mgh mgo mic
min mnc mni moe moh mos mrj mua mus mwl mwr mwv mye myv mzn nan nap naq nds new nia niu njo nmg nnh nog non nov nqo
nso nus nwc nym nyn nyo nzi ojb ojc ojs ojw oka osa ota pag pal pam pap pau pcd pcm pdc pdt peo pfl phn pis pms pnt
pon pqm prg pro quc qug raj rap rar rgn rhg rif rof rom rtm rue rug rup rwk sad sah sam saq sas sat saz sba sbp scn
sco sdc sdh see seh sei sel ses sga sgs shi shn shu sid slh sli sly sma smj smn sms snk sog srn srr ssy stq str suk
sus sux swb syc syr szl tce tcy tem teo ter tet tgx tht tig tiv tkl tkr tlh tli tly tmh tog tok tpi tru trv trw tsd
tsi ttm ttt tum tvl twq tyv tzm udm uga umb vai vec vep vls vmf vmw vot vro vun wae wal war was wbp wuu xal xmf xnr
xog yao yap yav ybb yrl yue zap zbl zea zen zgh zun zza
"""
"""ISO 639-2 and -3 codes in common use that have no two letters."""
