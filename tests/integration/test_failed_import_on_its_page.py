"""An import that could not be finished: its page says why, in the language of whoever looks at it."""

from __future__ import annotations

from collections.abc import Mapping

from tests.newsroom import staff_browser
from tribune.bootstrap import Application
from tribune.domain.imports import Basis, BasisKind
from tribune.domain.staff import Role
from tribune.services.audience.import_subscribers import Columns
from tribune.services.imports.plan_import import Plan, add_import, check_import, find_import
from tribune.services.imports.work_on_import import work_on_import


def failed(app: Application, content: bytes, columns: Mapping[str, str] | None = None) -> str:
    """The id of a job whose file was good when it was brought, and is this by the time that it is checked."""
    id, file = app.import_files.create()
    with file:
        file.write(content)
    now = app.clock.now()
    with app.store.write() as tx:
        add_import(tx, id, "abonnés.csv", len(content), "staff/1", now)
        check_import(
            tx, id, Plan(Basis(BasisKind.TRANSFER, "the former system"), Columns(columns or {})), "staff/1", now
        )
    assert work_on_import(app.import_worker)
    return id


def test_the_reason_is_kept_in_english_and_told_in_the_language_of_the_page(app: Application) -> None:
    id = failed(app, b"address,languages,zone\na@b.example,fr,\x81\n")
    with app.store.read() as tx:
        kept = find_import(tx, id).reason
    assert kept.startswith("abonnés.csv, line 2: This is not text in UTF-8")
    with staff_browser(app, Role.AUDIENCE_MANAGER) as browser:
        pages = {locale: browser.get(f"/{locale}/newsroom/imports/{id}").text for locale in ("en", "fr", "es")}
    assert f"<p>{kept}</p>" in pages["en"]
    assert "<p>abonnés.csv, ligne 2 – Ce n’est pas un texte en UTF-8, UTF-16 ou Windows-1252." in pages["fr"]
    assert "<p>abonnés.csv, línea 2 – No es un texto en UTF-8, UTF-16 ni Windows-1252." in pages["es"]


def test_a_reason_that_quotes_the_file_is_told_as_far_as_it_is_kept_and_escaped(app: Application) -> None:
    name = "<b>" + "x" * 90_000
    id = failed(app, f"address,zone,languages,{name}\n".encode(), {name: "", "<i>Fuseau": "zone"})
    with app.store.read() as tx:
        assert len(find_import(tx, id).reason) <= 500
    with staff_browser(app, Role.AUDIENCE_MANAGER) as browser:
        page = browser.get(f"/fr/newsroom/imports/{id}").text
    assert "<b>x" not in page and "<i>" not in page
    assert "Ligne 1 – Le fichier n’a pas de colonne «\u00a0&lt;i&gt;Fuseau\u00a0»." in page
    assert "Il contient\u00a0: address, zone, languages, &lt;b&gt;xxx" in page
