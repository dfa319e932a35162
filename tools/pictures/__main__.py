"""The pictures of docs/images, taken anew from the demo in one command: `make pictures`.

Needs Playwright and a Chromium (Debian: apt install chromium). The demo runs in a folder of its own, which is deleted.
"""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import TYPE_CHECKING

from consumers import all_consumers
from consumers.loop import drain
from tools.answering import answering
from tools.pictures.png import smaller
from tribune.bootstrap import Application
from tribune.commands import _demo_story as story
from tribune.domain.segment_json import read
from tribune.domain.staff import Role
from tribune.domain.staff_members import LinkPurpose
from tribune.ports.clock import StoppedClock
from tribune.services.audience.refresh_masks import refresh_masks
from tribune.services.segments.save_segment import Draft, save_segment
from tribune.services.staff.change_staff import make_staff
from tribune.services.staff.links import give_link

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

IMAGES = Path(__file__).resolve().parent.parent.parent / "docs" / "images"
READERS = {
    "en": "rachel.okonkwo@un-newyork.example",
    "fr": "nadia.benali@patronat-casablanca.example",
    "es": "begona.munoz@trabajo-madrid.example",
}
TAGS = {"en": "en-GB", "fr": "fr-FR", "es": "es-ES"}
"""In which language the browser writes what is its own, such as the fields of dates."""
RULE = {
    "who": {
        "all": [
            {"group": ["government", "workers"]},
            {"wants": {"places": {"any_of": ["419", "150"], "everywhere": True}}},
            {"none": [{"tags": ["press"]}]},
        ]
    },
    "exclude": [9],
}
FILE = """Courriel;Nom;Langue;Fuseau horaire;Groupe;Remarques
binta.ba@travail-bamako.example;Binta Ba;fr;Africa/Bamako;government;conférence de mars
moussa.ndiaye@syndicat-dakar.example;Moussa Ndiaye;fr|en;Africa/Dakar;workers;conférence de mars
pas une adresse;Marie Dubois;fr;Europe/Zurich;employers;conférence de mars
lea.favre@patronat-geneve.example;Léa Favre;fr;Europe/Zurich;employers;conférence de mars
kofi.mensah@university-accra.example;Kofi Mensah;en;Africa/Acra;academia;conférence de mars
"""


class Camera:
    """Takes pictures of a page, 1280 px wide for the newsroom and 720 px for what readers see."""

    def __init__(self, browser: Browser, address: str, locale: str = "en-GB") -> None:
        self.page: Page = browser.new_page(device_scale_factor=1, timezone_id="Africa/Dakar", locale=locale)
        self._address = address
        self.page.on("filechooser", lambda _: None)

    def goes_to(self, path: str, width: int = 1280, height: int = 900) -> None:
        self.page.set_viewport_size({"width": width, "height": height})
        self.page.goto(self._address + path)

    def takes(self, name: str, *, from_the_top: bool = True) -> None:
        if from_the_top:
            self.page.evaluate("scrollTo(0, 0)")
        file = IMAGES / f"{name}.png"
        file.write_bytes(smaller(self.page.screenshot(animations="disabled", caret="hide")))
        print(f"{file.relative_to(IMAGES.parent.parent)}  {file.stat().st_size // 1000} kB")


def readers(camera: Camera, app: Application, locale: str) -> None:
    """What a reader sees, from the form to their data."""
    page, who = camera.page, f"amina.{locale}@travail-dakar.example"
    camera.goes_to(f"/{locale}/subscribe", 720, 980)
    page.check("input[name=topic][value=wages]")
    page.check("input[name=topic][value=youth_employment]")
    page.locator("#preview h3").wait_for()
    page.wait_for_load_state("networkidle")
    camera.takes(f"subscribe-{locale}")
    page.locator("#preview").scroll_into_view_if_needed()
    page.evaluate("document.querySelector('#preview').scrollIntoView({block: 'center', behavior: 'instant'})")
    camera.takes(f"preview-{locale}", from_the_top=False)
    page.fill("#address", who)
    page.click("button[value=subscribe]")
    page.wait_for_url("**/check-your-mail")
    drain(all_consumers(app), app)
    camera.goes_to(link(app, who, "c"), 720, 860)
    camera.takes(f"confirm-{locale}")
    reader = READERS[locale]
    camera.goes_to(link(app, reader, "p") + f"?in={locale}", 720, 860)
    camera.takes(f"preferences-{locale}")
    camera.goes_to(link(app, reader, "u") + f"?in={locale}", 720, 860)
    camera.takes(f"unsubscribe-{locale}")
    camera.goes_to(link(app, reader, "p") + f"?in={locale}", 720, 860)
    page.click("button[value=data-link]")
    drain(all_consumers(app), app)
    camera.goes_to(link(app, reader, "m"), 720, 860)
    camera.takes(f"your-data-{locale}")


def archive(camera: Camera) -> None:
    """What stands for everybody to read."""
    camera.goes_to("/en/", 1280, 980)
    camera.takes("archive")
    camera.page.locator("article.card a, .card a").first.click()
    camera.takes("item")


def newsroom(camera: Camera, app: Application, folder: Path) -> None:
    """What staff see."""
    page = camera.page
    camera.goes_to("/en/newsroom/sign-in", 1280, 760)
    camera.takes("sign-in")
    come_in(camera, app)
    camera.goes_to("/en/newsroom/", 1280, 900)
    camera.takes("newsroom-today")
    camera.goes_to("/en/newsroom/items")
    page.locator("a.row", has_text="wage").first.click()
    page.locator("a[href*='/events/']").first.click()
    page.set_viewport_size({"width": 1280, "height": 1000})
    camera.takes("newsroom-story")
    camera.goes_to("/en/newsroom/people")
    camera.takes("people")
    page.locator("a.row", has_text="Begoña").click()
    page.set_viewport_size({"width": 1280, "height": 1200})
    camera.takes("person")
    camera.goes_to("/en/newsroom/people/new", 1280, 1000)
    camera.takes("person-new")
    camera.goes_to("/en/newsroom/suppressions")
    camera.takes("suppressions")
    bring(camera, folder)
    segments(camera, app)


def bring(camera: Camera, folder: Path) -> None:
    """A file is imported."""
    page = camera.page
    file = folder / "contacts-2026.csv"
    file.write_text(FILE, encoding="utf-8")
    camera.goes_to("/en/newsroom/imports")
    page.set_input_files("#file", file)
    page.click("main form button")
    page.locator("h1", has_text="contacts-2026.csv").wait_for()
    page.set_viewport_size({"width": 1280, "height": 1000})
    camera.takes("import")
    page.locator("#first-rows").evaluate("heading => heading.scrollIntoView({behavior: 'instant'})")
    page.set_viewport_size({"width": 1280, "height": 620})
    page.locator("#first-rows").evaluate("heading => heading.scrollIntoView({behavior: 'instant'})")
    camera.takes("import-rows", from_the_top=False)


def segments(camera: Camera, app: Application) -> None:
    """A group of people is named."""
    draft = Draft("Ministries and unions, Europe and Latin America", "For the meeting of March.", read(RULE))
    with app.store.write() as tx:
        save_segment(tx, draft, "staff/1", app.clock.now())
    home, slug = "/en/newsroom/segments", "ministries-and-unions-europe-and-latin-america"
    camera.goes_to(f"{home}/{slug}/edit", 1280, 1100)
    camera.page.locator("#result .big-number").wait_for()
    camera.takes("segment-builder")
    camera.goes_to(f"{home}/{slug}", 1280, 1000)
    camera.takes("segment")
    camera.page.get_by_role("link", name="Why?").first.click()
    camera.page.locator("ul.reasons").first.wait_for()
    camera.page.set_viewport_size({"width": 1280, "height": 760})
    camera.takes("segment-why")


def come_in(camera: Camera, app: Application) -> None:
    """By a link that works once, as `tribune staff sign-in-link` gives it."""
    with app.store.write() as tx:
        now = app.clock.now()
        admin = make_staff(tx, story.ADMINISTRATOR, "Ada Example", "en", [Role.ADMINISTRATOR], "cli", now)
        given = give_link(tx, admin, LinkPurpose.SIGN_IN, timedelta(days=1), "cli", now)
    camera.goes_to(f"/en/newsroom/sign-in/{given.token}")
    camera.page.click("main form button")


def link(app: Application, address: str, kind: str) -> str:
    """The path of the newest link of this kind in somebody's mails."""
    found = []
    for file in app.settings.email.outbox_folder.rglob("*.eml"):
        mail = message_from_bytes(file.read_bytes(), policy=policy.default)
        if mail["To"].addresses[0].addr_spec != address:
            continue
        text = mail.get_body(("plain",)) if isinstance(mail, EmailMessage) else None
        links = f"{mail['List-Unsubscribe']}\n{text.get_content() if text else ''}"
        paths = re.findall(rf"https?://[^\s>\"/]+(/{kind}/[^\s>\"]+)", links)
        found += [(file.stat().st_mtime_ns, path) for path in paths[:1]]
    return max(found)[1]


def main() -> int:
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        print("There is no chromium: apt install chromium", file=sys.stderr)
        return 1
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as place, sync_playwright() as started:
        folder, clock = Path(place), StoppedClock(story.START)
        app = Application(story.demo_settings(folder / "demo", host=None, base_url=None), clock)
        story.tell(app, clock)
        refresh_masks(app.store, app.codelists)
        browser = started.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        with answering(app) as address:
            camera = Camera(browser, address)
            archive(camera)
            for locale in READERS:
                readers(Camera(browser, address, TAGS[locale]), app, locale)
            newsroom(camera, app, folder)
        browser.close()
        app.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
