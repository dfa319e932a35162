"""Mails in a real browser: nothing wider than the screen, text that can be read in both themes, no image needed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from tests import mails
from tests.arabic import write_arabic
from tests.unit.test_mail_clients import contrast

CHROMIUM = shutil.which("chromium")

# Every piece of text that is shown: its colour, and the first ground behind it that is not see-through.
SHOWN = """() => {
  const hex = rgb => '#' + rgb.match(/\\d+/g).slice(0, 3).map(n => (+n).toString(16).padStart(2, '0')).join('');
  const found = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node; (node = walk.nextNode());) {
    const box = node.parentElement, style = getComputedStyle(box);
    const range = document.createRange();
    range.selectNodeContents(node);
    if (!node.textContent.trim() || !range.getClientRects().length) continue;
    let ground = box;
    while (ground && /rgba\\(.*, 0\\)/.test(getComputedStyle(ground).backgroundColor)) ground = ground.parentElement;
    const behind = ground ? getComputedStyle(ground).backgroundColor : 'rgb(255, 255, 255)';
    const size = Math.round(parseFloat(style.fontSize));
    found.push({text: node.textContent.trim(), colour: hex(style.color), ground: hex(behind), size});
  }
  return found;
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("chromium is not installed (Debian: apt install chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The same mail in four locales, with a title that has a very long word."""
    parts = mails.composer(write_arabic(tmp_path_factory.mktemp("locales")))
    long = mails.publication(
        9, en=("Unbreakable" * 5 + " and more", "See https://observatory.example/" + "a" * 90 + ".")
    )
    items = (mails.data_release(), mails.publication(), mails.session(), long)
    return {
        locale: mails.html_of(
            mails.parse(mails.mail(items, locale, parts=parts, more=3).fill(mails.reader("Awa " * 12), mails.LINKS))
        )
        for locale in ("en", "fr", "es", "ar")
    }


def test_a_name_without_any_space_widens_no_mail(browser: Any) -> None:
    mail = mails.mail((mails.publication(),), "en", parts=mails.composer())
    context = browser.new_context(viewport={"width": 360, "height": 900})
    try:
        page = context.new_page()
        page.set_content(mails.html_of(mails.parse(mail.fill(mails.reader("N" * 100), mails.LINKS))))
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        assert page.evaluate("document.querySelector('.head-corner').getBoundingClientRect().right") <= 360
    finally:
        context.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 700])
@pytest.mark.parametrize("locale", ["en", "fr", "es", "ar"])
def test_a_mail_fits_and_can_be_read(browser: Any, pages: dict[str, str], locale: str, width: int, theme: str) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=theme)
    asked: list[str] = []
    try:
        page = context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.set_content(pages[locale])
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        shown = page.evaluate(SHOWN)
        sign = page.evaluate("document.querySelector('.head-corner').getBoundingClientRect().left")
    finally:
        context.close()
    assert len(shown) > 20
    faint = {
        one["text"]: (one["colour"], one["ground"]) for one in shown if contrast(one["colour"], one["ground"]) < 4.5
    }
    assert faint == {}
    assert len({one["size"] for one in shown}) <= 3  # look.md: at most three sizes
    assert sign < width / 2 if locale == "ar" else sign > width / 2
    assert asked == []
