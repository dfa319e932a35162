"""A file of people as spreadsheets really write it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tribune.codelists import load
from tribune.domain.digests import Digest
from tribune.domain.errors import InvalidInput
from tribune.resources import locate
from tribune.services.audience.csv_file import CsvFile, look_at
from tribune.services.audience.subscriber_rows import RefusedCell, RowReader

LISTS = load(locate("codelists"))


def looked_at(folder: Path, content: str, encoding: str = "utf-8") -> CsvFile:
    path = folder / "people.csv"
    path.write_bytes(content.encode(encoding))
    return look_at(path)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("parted", [";", ",", "\t"])
def test_a_heading_may_be_broken_into_lines(tmp_path: Path, encoding: str, end: str, parted: str) -> None:
    head = ["Email", '"Pays\nde résidence"', '"Langue, la première"', "Fuseau"]
    content = end.join([parted.join(head), parted.join(["a@x.org", "SEN", "fr", "UTC"]), ""])
    file = looked_at(tmp_path, content, encoding)
    assert file.header == ("Email", "Pays de résidence", "Langue, la première", "Fuseau")
    assert file.delimiter == parted
    assert list(file.rows()) == [(2, ["a@x.org", "SEN", "fr", "UTC"])]


def test_no_break_spaces_in_headings_are_spaces(tmp_path: Path) -> None:
    assert looked_at(tmp_path, "Courriel\u00a0:,Fuseau\u202fhoraire\n").header == ("Courriel :", "Fuseau horaire")


@pytest.mark.parametrize("content", ['address,"name\na@x.org,Ada\n', 'address;"' + "x\n" * 300_000 + '"'])
def test_a_quotation_mark_that_is_left_open_in_the_first_row_is_told(tmp_path: Path, content: str) -> None:
    with pytest.raises(InvalidInput, match="The first row cannot be read"):
        looked_at(tmp_path, content)


@pytest.mark.parametrize("first", ["sep=;", "SEP=;", '"sep=;"', "\ufeffsep=;"])
def test_the_separator_that_a_first_line_names_is_taken(tmp_path: Path, first: str) -> None:
    file = looked_at(tmp_path, f"{first}\r\naddress;name, if any, of the person\r\na@x.org;Ada\r\n")
    assert (file.delimiter, file.header) == (";", ("address", "name, if any, of the person"))
    assert list(file.rows()) == [(2, ["a@x.org", "Ada"])], "a spreadsheet does not count that line"


@pytest.mark.parametrize("sign", ["\t", "|", "^"])
def test_it_may_be_any_sign(tmp_path: Path, sign: str) -> None:
    file = looked_at(tmp_path, f"sep={sign}\naddress{sign}name\na@x.org{sign}Ada\n")
    assert (file.delimiter, list(file.rows())) == (sign, [(2, ["a@x.org", "Ada"])])


@pytest.mark.parametrize("first", ["sep=", 'sep="', "sep=a", "sep=;;"])
def test_what_names_no_separator_is_a_heading(tmp_path: Path, first: str) -> None:
    assert looked_at(tmp_path, f"{first}\naddress\n").header[0].startswith("sep=")


def mixed(folder: Path, utf_8: bytes, cp1252: bytes) -> str:
    """What is said of a file with some lines in one encoding and some in the other."""
    path = folder / "people.csv"
    for lines in ([utf_8, cp1252], [cp1252, utf_8]):
        path.write_bytes(b"\n".join([b"address,name", *lines, b""]))
        with pytest.raises(InvalidInput, match="is not UTF-8, though others are") as error:
            look_at(path)
    return str(error.value)


def test_lines_in_another_encoding_than_the_others_are_told_and_make_no_nonsense_of_them(tmp_path: Path) -> None:
    other = "x@x.org,Renée".encode("cp1252")
    assert "people.csv, line 2: " in mixed(tmp_path, "q@x.org,José".encode(), other)
    for text in ("Müller", "Łódź", "2026 – 27", "Иванов", "小林", "محمد"):
        mixed(tmp_path, f"q@x.org,{text}".encode(), other)
    for before in (262_100, 262_124):  # a letter is not missed where a block of the file ends
        for more in range(10):
            mixed(tmp_path, b"\n".join([b"x" * 99] * (before // 100)) + b"x" * more + "é".encode(), other)


@pytest.mark.parametrize(
    "text",
    [
        *("Renée", "L’État – « à nous » – 5 €", "Peña, Übersee, Æther ½", "ÀÉÎÕÜ ß"),
        *("Association «\u00a0Santé\u00a0»", "«JOSÉ MARTÍ»", "“ÉGALITÉ”", "QUALITÉ\u00a0: Zoé", "¿DÓNDE ESTÁ?"),
    ],
)
def test_a_file_from_a_spreadsheet_of_old_is_read_as_it_was_written(tmp_path: Path, text: str) -> None:
    file = looked_at(tmp_path, f'address,name\na@x.org,"{text}"\n', "cp1252")
    assert (file.encoding, list(file.rows())) == ("cp1252", [(2, ["a@x.org", text])])


def name_of(cell: str) -> str:
    letter = Digest("letter", {"en": "Letter"}, "a@b.example")
    reader = RowReader(["address", "name", "languages", "zone"], {"letter": letter}, LISTS)
    return reader.row(2, ["a@x.org", cell, "fr", "UTC"]).name


def test_a_name_may_be_broken_into_lines() -> None:
    assert name_of("Élodie\r\nN'Diaye") == "Élodie N'Diaye"
    assert name_of("Ada \n Diop\n") == "Ada Diop"


@pytest.mark.parametrize("cell", ["Ada,fr,UTC\nb@x.org,Bo", 'Ada\nk2"', "Ada\x01Diop"])
def test_what_a_quotation_mark_left_open_has_swallowed_is_no_name(cell: str) -> None:
    with pytest.raises(RefusedCell, match="line break or a control character"):
        name_of(cell)
