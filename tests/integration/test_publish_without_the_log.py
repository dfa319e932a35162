"""`tribune publish` and `pull` need the store alone: the outbox takes what they find. A dry run writes nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.integration.test_up_and_demo import ITEM
from tests.kafka_broker import free_port
from tribune.bootstrap import Application
from tribune.cli import main

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(app: Application, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Types `tribune ...` in the house of the fixture, whose broker is away; exit code and what is printed."""
    (tmp_path / "tribune.toml").write_text(
        f'data_dir = "{app.settings.data_dir}"\n[store]\nurl = "{app.settings.store.url}"\n'
        f'[log]\nkind = "{app.settings.log.kind}"\nbootstrap_servers = ["127.0.0.1:{free_port()}"]\n'
        "request_timeout_seconds = 1\n",
        encoding="utf-8",
    )
    (tmp_path / "item.yaml").write_text(ITEM, encoding="utf-8")
    feed = "<rss version='2.0'><channel><title>t</title><link>https://a.example/</link><item><title>An item</title>"
    feed += "<link>https://a.example/1</link><guid>https://a.example/1</guid></item></channel></rss>"
    (tmp_path / "feed.xml").write_text(feed, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRIBUNE_CONFIG", str(tmp_path / "tribune.toml"))

    def run(*words: str) -> tuple[int, str]:
        try:
            main(list(words))
            code = 0
        except SystemExit as left:
            code = int(left.code or 0)
        told = capsys.readouterr()
        return code, told.out + told.err

    return run


def sql(app: Application, statement: str) -> object:
    with app.store.engine.begin() as connection:
        done = connection.execute(text(statement))
        return done.scalar() if done.returns_rows else None


@pytest.mark.parametrize("store_kind", ["postgresql"], indirect=True)
def test_the_outbox_takes_them_while_the_broker_is_away(app: Application, run: Run) -> None:
    code, told = run("publish", "item.yaml", "--dry-run")
    assert code == 0 and "1 event would be published" in told
    assert sql(app, "SELECT count(*) FROM outbox") == 0
    code, told = run("publish", "item.yaml")
    assert code == 0 and "1 event published" in told
    assert sql(app, "SELECT count(*) FROM outbox") == 1
    code, told = run("pull", "feeds", "feed.xml", "--as", "a")
    assert code == 0 and "1 event published" in told
    assert sql(app, "SELECT count(*) FROM outbox") == 2


@pytest.mark.parametrize("store_kind", ["sqlite", "postgresql"], indirect=True)
def test_a_dry_run_migrates_no_store(app: Application, run: Run) -> None:
    newest = sql(app, "SELECT version_num FROM alembic_version")
    sql(app, "UPDATE alembic_version SET version_num = '0016'")
    for words in (["publish", "item.yaml"], ["pull", "feeds", "feed.xml", "--as", "a"]):
        code, told = run(*words, "--dry-run")
        assert code == 1 and "A dry run writes nothing" in told and "tribune migrate" in told
        assert sql(app, "SELECT version_num FROM alembic_version") == "0016"
    sql(app, f"UPDATE alembic_version SET version_num = '{newest}'")
    assert run("publish", "item.yaml", "--dry-run")[0] == 0
