"""A further language as data: an Arabic catalogue of the digest's texts, written to a folder by the tests.

Places, kinds and policy areas have no Arabic labels here and fall back; that is part of what the tests look at.
"""

from __future__ import annotations

from pathlib import Path

PLURALS = (
    "nplurals=6; plural=(n==0 ? 0 : n==1 ? 1 : n==2 ? 2 : n%100>=3 && n%100<=10 ? 3 : n%100>=11 && n%100<=99 ? 4 : 5);"
)

TEXTS = {
    "For %(name)s": "إلى %(name)s",
    "Also new for you": "مستجدات أخرى لكم",
    "Change your preferences": "تعديل تفضيلاتكم",
    "Unsubscribe": "إلغاء الاشتراك",
    "Source: %(source)s": "المصدر: %(source)s",
    "unchanged from %(period)s (%(previous)s)": "بلا تغيير عن %(period)s (%(previous)s)",
    "in %(language)s": "باللغة %(language)s",
    "%(date)s, from %(start)s to %(end)s (%(zone)s)": "%(date)s، من %(start)s إلى %(end)s (%(zone)s)",
    "Weekly edition, %(date)s": "العدد الأسبوعي، %(date)s",
    "Daily edition, %(date)s": "العدد اليومي، %(date)s",
    "In this issue: %(contents)s.": "في هذا العدد: %(contents)s.",
    "You receive this letter every week when there is something new, because you chose: %(choices)s.": (
        "تصلكم هذه النشرة كل أسبوع عند صدور جديد لأنكم اخترتم: %(choices)s."
    ),
    "everything that we publish": "كل ما ننشره",
    "Register for the session": "التسجيل في الجلسة",
    "See the data": "الاطلاع على البيانات",
    "Read more": "قراءة المزيد",
}

COUNTED = {
    ("%(number)s page", "%(number)s pages"): (
        "%(number)s صفحة",
        "صفحة واحدة",
        "صفحتان",
        "%(number)s صفحات",
        "%(number)s صفحة",
        "%(number)s صفحة",
    ),
    ("%(number)s publication", "%(number)s publications"): (
        "%(number)s منشور",
        "منشور واحد",
        "منشوران",
        "%(number)s منشورات",
        "%(number)s منشورًا",
        "%(number)s منشور",
    ),
    ("%(number)s data release", "%(number)s data releases"): (
        "%(number)s إصدار بيانات",
        "إصدار بيانات واحد",
        "إصدارا بيانات",
        "%(number)s إصدارات بيانات",
        "%(number)s إصدار بيانات",
        "%(number)s إصدار بيانات",
    ),
    ("In this issue: %(contents)s, and %(number)s more on our website.",) * 2: (
        "في هذا العدد: %(contents)s، و%(number)s غيرها على موقعنا.",
    )
    * 6,
    ("%(number)s live session", "%(number)s live sessions"): (
        "%(number)s جلسة مباشرة",
        "جلسة مباشرة واحدة",
        "جلستان مباشرتان",
        "%(number)s جلسات مباشرة",
        "%(number)s جلسة مباشرة",
        "%(number)s جلسة مباشرة",
    ),
    ("%(lead)s (and %(number)s other update)", "%(lead)s (and %(number)s other updates)"): (
        "%(lead)s",
        "%(lead)s (ومستجد آخر)",
        "%(lead)s (ومستجدان آخران)",
        "%(lead)s (و%(number)s مستجدات أخرى)",
        "%(lead)s (و%(number)s مستجدًا آخر)",
        "%(lead)s (و%(number)s مستجد آخر)",
    ),
    (
        "down %(points)s percentage point from %(period)s (%(previous)s)",
        "down %(points)s percentage points from %(period)s (%(previous)s)",
    ): ("بانخفاض قدره %(points)s نقطة مئوية عن %(period)s (%(previous)s)",) * 6,
    ("%(number)s new figure", "%(number)s new figures"): ("%(number)s رقم جديد",) * 6,
    ("%(number)s revised figure", "%(number)s revised figures"): ("%(number)s رقم منقح",) * 6,
    (
        "%(number)s more item matches your choices. See it on our website.",
        "%(number)s more items match your choices. See them on our website.",
    ): ("تجدون على موقعنا %(number)s مستجدات أخرى توافق اختياراتكم.",) * 6,
    ("Language: %(names)s", "Languages: %(names)s"): (
        "اللغة: %(names)s",
        "اللغة: %(names)s",
        *("اللغات: %(names)s",) * 4,
    ),
}


def write_arabic(folder: Path) -> Path:
    """A folder of locales with Arabic in it."""
    lines = [
        'msgid ""',
        'msgstr ""',
        r'"Content-Type: text/plain; charset=utf-8\n"',
        r'"Language: ar\n"',
        rf'"Plural-Forms: {PLURALS}\n"',
        "",
    ]
    for english, arabic in TEXTS.items():
        lines += [f'msgid "{english}"', f'msgstr "{arabic}"', ""]
    for (one, many), forms in COUNTED.items():
        lines += [
            f'msgid "{one}"',
            f'msgid_plural "{many}"',
            *(f'msgstr[{n}] "{form}"' for n, form in enumerate(forms)),
            "",
        ]
    file = folder / "ar" / "LC_MESSAGES" / "tribune.po"
    file.parent.mkdir(parents=True)
    file.write_text("\n".join(lines), encoding="utf-8")
    return folder
