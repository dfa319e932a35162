"""A real browser before the real site: what tests with Chromium share. A house, its site on a port, and somebody who
has only a keyboard."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.acceptance.house import House, Mail
from tests.said import Said
from tools.answering import answering
from tribune.bootstrap import Application
from tribune.config import Settings
from tribune.ports.clock import StoppedClock
from tribune.rendering.formats import Formats
from tribune.services.audience.refresh_masks import refresh_masks

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

__all__ = ["answering"]

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium: apt install chromium")
LOCALES = ("en", "fr", "es")
LETTER = {"en": "The Observatory Letter", "fr": "La lettre de l’Observatoire", "es": "El boletín del Observatorio"}


@contextmanager
def opened_house(folder: Path, **settings: Any) -> Iterator[House]:
    """A house on embedded defaults with one digest in three languages, on Monday 23 November 2026, 06:00 UTC."""
    clock = StoppedClock(datetime(2026, 11, 23, 6, 0, tzinfo=UTC))
    told = {
        "data_dir": folder,
        "store": {"url": f"sqlite:///{folder}/tribune.sqlite3"},
        "email": {"outbox_folder": folder / "outbox"},
        "digests": {"letter": {"names": LETTER, "sender": "letter@observatory.example"}},
        "organisation": {"names": {"en": "Observatory", "fr": "Observatoire", "es": "Observatorio"}},
        **settings,
    }
    app = Application(Settings.model_validate(told), clock)
    app.prepare()
    refresh_masks(app.store, app.codelists)
    house = House(app, clock, folder)
    yield house
    house.close()
    app.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, for all tests of a file."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


def path_in(mail: Mail, kind: str) -> str:
    """The path of the link of this kind (`p`, `u`, `c`, `m`) in a mail."""
    links = f"{mail.message['List-Unsubscribe']}\n{mail.text}"
    found = re.search(rf"https?://[^\s>\"/]+(/{kind}/[^\s>\"]+)", links)
    assert found, f"no link /{kind}/ in {mail.subject!r}"
    return found[1]


class Keyboard:
    """Somebody who reads in one language and has no mouse: only Tab, the space bar, Enter, the arrows and letters.

    What is on a page is named as in the code, in English, and looked for in their language. Options of a list are found
    by typing, as in browsers.
    """

    def __init__(self, browser: Browser, address: str, app: Application, locale: str, **how: Any) -> None:
        self.locale, self.address = locale, address
        self.page: Page = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **how}).new_page()
        self.page.set_default_timeout(30_000)
        self.page.on("filechooser", lambda _: None)  # asked for only when it opens, the first may be missed
        self.formats = Formats(locale, app.codelists)
        said = Said(app.translations.gettext(locale))
        self.say, self.say_in, self.say_many = said.one, said.within, said.many

    def opens(self, path: str) -> None:
        """They go to an address of the site."""
        self.page.goto(self.address + path)
        self.reads()

    def reads(self) -> None:
        """The page is in their language."""
        assert self.page.locator("html").get_attribute("lang") == self.locale, self.page.url

    def sees(self, text: str) -> None:
        """This stands on the page, or appears in a moment."""
        self.page.get_by_text(text).first.wait_for()

    def heading(self, text: str) -> None:
        """The page bears this heading."""
        self.page.get_by_role("heading", name=text, exact=True).wait_for()
        self.reads()

    def ticks(self, label: str) -> None:
        """A checkbox, or one of several of which one holds."""
        box = self._labelled(label)
        if box.get_attribute("type") == "radio":
            group = box.get_attribute("name")
            self._reach(self.page.locator(f"input[type=radio][name='{group}']"))
            for _ in range(20):
                if box.is_checked():
                    return
                self.page.keyboard.press("ArrowDown")
        else:
            self._reach(box)
            self.page.keyboard.press("Space")
        assert box.is_checked(), label

    def unticks(self, label: str) -> None:
        """A checkbox."""
        box = self._labelled(label)
        self._reach(box)
        self.page.keyboard.press("Space")
        assert not box.is_checked(), label

    def types(self, label: str, text: str) -> None:
        """Into a field, in the place of what stood there."""
        field = self._labelled(label)
        self._reach(field)
        self.page.keyboard.press("Control+A")
        self.page.keyboard.type(text)
        assert field.input_value() == text

    def chooses(self, label: str, option: str) -> None:
        """From a list that opens."""
        field = self._labelled(label)
        self._reach(field)
        keys = option.encode("ascii", "replace").decode().partition("?")[0]  # no key has accents on it
        self.page.keyboard.type(keys)
        chosen = "field => field.selectedOptions[0].textContent"
        for _ in range(20):
            if field.evaluate(chosen) == option:
                return
            self.page.keyboard.press("ArrowDown")
        raise AssertionError(f"{option!r} is not in the list {label!r}")

    def unfolds(self, summary: str) -> None:
        """What is folded up."""
        self._reach(self.page.locator("summary:visible", has_text=re.compile(rf"^\s*{re.escape(summary)}")))
        self.page.keyboard.press("Enter")

    def presses(self, button: str) -> None:
        """A button that leads to another page, by its text."""
        self._reach(self.page.get_by_role("button", name=button, exact=True))
        self._enters()

    def follows(self, link: str) -> None:
        """A link, by its text."""
        self._reach(self.page.get_by_role("link", name=link))
        self._enters()

    def hands_over(self, label: str, file: Path) -> None:
        """A file, to a field for files."""
        self._reach(self._labelled(label))
        with self.page.expect_file_chooser() as asked:
            self.page.keyboard.press("Enter")
        asked.value.set_files(file)

    def leaves(self) -> None:
        """They close the browser."""
        self.page.context.close()

    def _enters(self) -> None:
        """Press Enter, and wait for the page to which it leads."""
        with self.page.expect_navigation():
            self.page.keyboard.press("Enter")
        self.reads()

    def _labelled(self, label: str) -> Locator:
        found = self.page.get_by_label(label, exact=True).locator("visible=true")
        if found.count():
            return found.first
        return self.page.locator("label:visible", has_text=label).locator("input").first

    def _reach(self, wanted: Locator) -> None:
        """Press Tab until one of these has the focus, through the end of the page to its beginning at most once."""
        wanted.first.wait_for()
        handles = wanted.element_handles()
        here = "wanted => wanted.some(one => one === document.activeElement)"
        for _ in range(500):
            if self.page.evaluate(here, handles):
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"the keyboard does not reach {wanted}")
