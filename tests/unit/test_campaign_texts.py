"""What staff write in a campaign: the few marks, and what cannot stand there."""

from __future__ import annotations

import time
import timeit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tribune.domain.campaigns import MAX_TEXT
from tribune.rendering.marked_text import Block, Look, Span, blocks, faults, fit

OFFERED = ("en", "fr", "es")
HOSTILE_ADDRESSES = (
    "javascript:alert(1)",
    "JavaScript:alert(document.cookie)//https://a.example",
    "data:text/html;base64,PHNjcmlwdD4=",
    "vbscript:x",
    "file:///etc/passwd",
    "https:a.example",
    "https://",
    "https://user:pass@a.example",
    "https://user@a.example",
    "mailto:a@b.example?bcc=c@d.example",
    "MAILTO:a@b.example",
    "a@b.example?bcc=c",
    "a,b@c.example",
    "me@localhost",
    "tel:+41227996111",
)


def one(text: str) -> tuple[Span, ...]:
    """The runs of a text of one paragraph."""
    (block,) = blocks(text)
    assert block.look is Look.PARAGRAPH
    return block.lines[0]


def test_paragraphs_headings_and_lists() -> None:
    text = "One\nand on.\n\n## What we ask\n- ten minutes\n  of your time;\n- an answer.\n\n1. first\n2. second\n\nEnd."
    told = [(block.look.value, [line[0].text for line in block.lines]) for block in blocks(text)]
    assert told == [
        ("paragraph", ["One and on."]),
        ("heading", ["What we ask"]),
        ("bullets", ["ten minutes of your time;", "an answer."]),
        ("numbers", ["first", "second"]),
        ("paragraph", ["End."]),
    ]


def test_a_list_may_follow_its_paragraph_at_once_and_a_point_may_have_two_paragraphs() -> None:
    told = blocks("We ask for\n- ten minutes\n\n  of your time;\n- an answer.\n\n    Indented, it goes on.")
    assert [block.look for block in told] == [Look.PARAGRAPH, Look.BULLETS]
    assert told[1].lines == ((Span("ten minutes of your time;"),), (Span("an answer. Indented, it goes on."),))


def test_marks_within_a_paragraph() -> None:
    assert one("a **b *c*** d") == (
        Span("a "),
        Span("b ", strong=True),
        Span("c", strong=True, stressed=True),
        Span(" d"),
    )
    assert one("See [our page](https://a.example/x_(1)), or https://b.example/y.") == (
        Span("See "),
        Span("our page", "https://a.example/x_(1)"),
        Span(", or "),
        Span("https://b.example/y", "https://b.example/y"),
        Span("."),
    )
    assert one("***both***") == (Span("both", strong=True, stressed=True),)
    assert one("*https://a.example/_x_*, _so_ snake_case") == (
        Span("https://a.example/_x_", "https://a.example/_x_", stressed=True),
        Span(", "),
        Span("so", stressed=True),
        Span(" snake_case"),
    )
    assert one("[**us**, *all*](mailto:us@a.example)\\\nhere") == (
        Span("us, all", "mailto:us@a.example"),
        Span(" here"),
    )
    assert one("[us](mailto:us@a.example)!") == (Span("us", "mailto:us@a.example"), Span("!"))


def test_an_address_in_angle_brackets_is_a_link() -> None:
    assert one("See <https://a.example/x_(1),>, or write to <me+you@a.example>.") == (
        Span("See "),
        Span("https://a.example/x_(1),", "https://a.example/x_(1),"),
        Span(", or write to "),
        Span("me+you@a.example", "mailto:me+you@a.example"),
        Span("."),
    )
    assert one("*<mailto:me@a.example>*") == (Span("me@a.example", "mailto:me@a.example", stressed=True),)
    assert one("<https://exämple.example/é>") == (Span("https://exämple.example/é", "https://exämple.example/é"),)
    assert one("a [b](<https://a.example/x>)")[1] == Span("b", "https://a.example/x")
    assert one("[our <https://a.example/?q=](page)>")[-1].link == "https://a.example/?q=](page)"
    for alone in ("<https://a.example>", "<me@a.example>"):
        assert not faults(alone)
        assert blocks(alone)[0].look is Look.PARAGRAPH, "it has no words to stand on a button"


def test_a_link_holds_no_other_link() -> None:
    for inner in ("<https://b.example>", "<me@b.example>", "https://b.example"):
        (span,) = one(f"See [{inner} here](https://a.example)")[1:]
        assert span == Span(f"{inner} here", "https://a.example")


@pytest.mark.parametrize("address", HOSTILE_ADDRESSES)
def test_no_hostile_address_in_angle_brackets_is_a_link(address: str) -> None:
    assert one(f"a <{address}> b") == (Span(f"a <{address}> b"),)
    (wrong,) = faults(f"First.\n\nSecond,\nthird <{address}>.")
    assert (wrong.line, "is no address that a mail may link to" in wrong.what) == (4, True)
    assert "Write <https://...> or <name@example.org>" in wrong.hint
    assert not faults(f"a \\<{address}>")


@pytest.mark.parametrize(
    "text",
    [
        *("2 * 3 * 4", "snake_case_name", "C* and D*", r"\*not\*", "[no](javascript:x)", "5 < 6"),
        *("<javascript:alert(1)>", "<data:text/html,x>", r"\<me@a.example>", "<me@ a.example>"),
    ],
)
def test_what_is_no_mark_is_text(text: str) -> None:
    assert one(text) == (Span(text.replace("\\", "")),)


def test_a_link_alone_is_a_button() -> None:
    (block,) = blocks("[Take part](https://a.example/survey)")
    assert block == Block(Look.BUTTON, ((Span("Take part", "https://a.example/survey"),),))
    (written,) = blocks("[Write to us](mailto:us@a.example)")
    assert written.look is Look.PARAGRAPH


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("![a](https://a.example/x.png)", "a picture cannot stand here"),
        ("<b>bold</b>", "HTML cannot stand here"),
        ("Dear {{ name }}", "there are no placeholders"),
        ("<div>\nbold", "HTML cannot stand here"),
        ("# Title", "headings begin with ## or ###"),
        ("Title\n---", "headings begin with ## or ###"),
        ("* * *", "a line across cannot stand here"),
        ("```\ncode\n```", "blocks of code cannot stand here"),
        ("| a | b |\n|---|---|", "tables cannot stand here"),
        ("> quoted", "quotations cannot stand here"),
        ("• a point", "this begins no point of a list"),
        ("2026. So it began.", "numbered lists begin with 1"),
        ("[](https://a.example)", "a link has no words"),
        ("[answer here](https://a.example/my survey)", "this is no link yet"),
        ("[x] (https://a.example/y)", "this is no link yet"),
        ("[x] (mailto:a@b.example)", "this is no link yet"),
        ("[x] (<a@b.example>)", "this is no link yet"),
        ("![x](https://a.example/my y.png)", "this is no link yet"),
        ("[x][1]", "links by number or name cannot stand here"),
        ("See `code`.", "code cannot stand here"),
        ("[`code`](https://a.example)", "code cannot stand here"),
        ("~~struck~~", "nothing can be struck out here"),
        ("[x](www.a.example)", "is no address that a mail may link to"),
        ("[x](https://a.example\\@b.example)", "is no address that a mail may link to"),
        ("[x](javascript:alert(1))", "is no address that a mail may link to"),
        ("[x](mailto:a@b.example?bcc=c@d.example)", "is no address that a mail may link to"),
        ("[x](https://user:pass@a.example)", "is no address that a mail may link to"),
    ],
)
def test_what_people_would_take_for_a_mark_is_refused_with_its_line(text: str, what: str) -> None:
    found = faults("First.\n\n" + text)
    assert (found[0].line, what in found[0].what) == (3, True)
    assert found[0].hint


def test_a_fault_is_told_with_its_line_within_a_paragraph_and_a_list() -> None:
    found = faults("One\ntwo <b>three</b>,\n[four](javascript:x)\n\n- five\n  - six")
    assert [wrong.line for wrong in found] == [2, 3, 6]


def test_marks_of_others_are_told_in_which_line_they_stand() -> None:
    text = "One\ntwo [a]\n(https://a.example)\n\n- three\n- `four` ~~five~~\n\n## [six][1]"
    assert [(wrong.line, wrong.what) for wrong in faults(text)] == [
        (2, "this is no link yet."),
        (6, "code cannot stand here."),
        (6, "nothing can be struck out here."),
        (8, "links by number or name cannot stand here."),
    ]
    assert not faults("See https://a.example/~~x_[1 or so.")


@pytest.mark.parametrize(
    "text",
    [
        r"\<b>",
        r"1\. 2026\. #1",
        r"\[x\](y)",
        "a < b > c",
        r"\`x\`",
        "[1] and [2]",
        "[1] (page 4)",
        "~5 %",
        r"[x]\(y)",
        r"\~\~s\~\~",
        "https://a@b.example",
        "a | b",
    ],
)
def test_what_is_escaped_or_no_mark_is_no_fault(text: str) -> None:
    assert not faults(text)
    assert not any(span.link for span in one(text))


@pytest.mark.parametrize(
    "mark",
    [
        "*",
        "[",
        "**a",
        "**a b ",
        "*a**b",
        "![",
        "![a",
        "[a](",
        "[a](h(x)",
        "http://a@",
        "<a",
        "<a@",
        "<ab:",
        "<https://a.example/",
        "[<ab:c>",
        "{{",
        "- ",
        "- a\n- ",
        "\\",
        "]",
        "] ",
        "`",
        "~",
        "[a] (",
        "[a] https://a.example/ ",
    ],
)
def test_a_hostile_text_is_taken_apart_in_little_time(mark: str) -> None:
    text = (mark * MAX_TEXT)[:MAX_TEXT]
    for work in (blocks, faults):
        # The best of three: others may work on the same cores.
        assert min(timeit.repeat(lambda: work(text), timer=time.process_time, number=1, repeat=3)) < 2  # noqa: B023


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=300))
def test_any_text_is_taken_apart_and_links_stay_fit(text: str) -> None:
    for block in blocks(text):
        for line in block.lines:
            for span in line:
                assert span.text
                assert not span.link or fit(span.link)


@given(st.text(alphabet="*[]()#-1. \nabh:/t<>@", max_size=400))
def test_any_marks_are_taken_apart(text: str) -> None:
    words = "".join(block.plain for block in blocks(text))
    assert set("abht") & set(words) <= set(text)


@pytest.mark.parametrize(
    "text",
    [
        "[<https://a.example>](https://b.example)",
        "[https://a.example](https://b.example)",
        "[https://a.example](https://a.example.b.example/)",
        "[see HTTPS://A.example/x.](https://a.example/y)",
        "[https://a.*exam*ple](https://b.example)",
        "[www.a.example](https://b.example)",
        "[ada@a.example](mailto:ada@b.example)",
        "[ada@a.example](https://a.example)",
        "[https://a.example](mailto:ada@a.example)",
    ],
)
def test_no_link_shows_another_address_than_it_leads_to(text: str) -> None:
    (wrong,) = faults(f"Good morning\nand good evening:\n\n- one\n- two\n  {text}")
    assert (wrong.line, wrong.what.startswith("a link shows ")) == (6, True), wrong


@pytest.mark.parametrize(
    "text",
    [
        "[https://a.example](https://a.example)",
        "[https://a.example/](https://a.example)",
        "[https://a.example/long](https://a.example/long/path?x=1)",
        "[www.a.example](https://www.a.example/en/)",
        "[https://www.a.example](https://a.example)",
        "[https://münchen.example/ü](https://münchen.example/ü)",
        "[<https://a.example>](https://a.example)",
        "[ada@a.example](mailto:Ada@a.example)",
        "[our page](https://a.example) and https://b.example, <https://c.example>",
    ],
)
def test_a_link_may_show_its_own_address(text: str) -> None:
    assert faults(text) == []
