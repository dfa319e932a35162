"""A notice in a real browser: nothing wider than the screen, text that can be read in both themes."""

from __future__ import annotations

from typing import Any

import pytest

from tests import mails
from tests.integration.test_mail_layout import SHOWN, browser
from tests.unit.test_mail_clients import contrast
from tests.unit.test_notice_mails import ORGANISATION, make
from tribune.rendering.email.notice import NoticeComposer

__all__ = ["browser"]


@pytest.fixture(scope="module")
def composer() -> NoticeComposer:
    return NoticeComposer(mails.composer(), ORGANISATION)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 700])
@pytest.mark.parametrize("locale", ["en", "fr", "es"])
def test_a_notice_fits_and_can_be_read(
    browser: Any,
    composer: NoticeComposer,
    locale: str,
    width: int,
    theme: str,
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=theme)
    try:
        page = context.new_page()
        page.set_content(mails.html_of(mails.parse(make(composer, locale, name="Unbreakable" * 6))))
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        shown = page.evaluate(SHOWN)
    finally:
        context.close()
    assert len(shown) > 7
    assert [one for one in shown if contrast(one["colour"], one["ground"]) < 4.5] == []
    assert len({one["size"] for one in shown}) <= 3  # look.md: at most three sizes
