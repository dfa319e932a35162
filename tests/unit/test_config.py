"""Settings: what is read from where, and what a mistake is told like."""

from __future__ import annotations

from pathlib import Path

import pytest

from tribune import config
from tribune.domain import addresses
from tribune.domain.errors import ConfigurationError
from tribune.domain.tokens import fit


def write(folder: Path, text: str) -> Path:
    file = folder / "tribune.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_defaults_need_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert config.load().store.url == "sqlite:///var/tribune.sqlite3"


def test_the_environment_goes_before_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write(tmp_path, '[web]\nport = 9000\nhost = "127.0.0.2"\n')
    monkeypatch.setenv("TRIBUNE_WEB__PORT", "9001")
    settings = config.load(file)
    assert (settings.web.port, settings.web.host) == (9001, "127.0.0.2")


def test_a_wrong_value_is_told_with_its_key_and_what_is_allowed(tmp_path: Path) -> None:
    file = write(tmp_path, '[email]\nchannel = "pigeon"\n')
    with pytest.raises(ConfigurationError) as caught:
        config.load(file)
    told = str(caught.value)
    assert str(file) in told
    assert "email.channel = 'pigeon'" in told
    assert "'outbox' or 'smtp'" in told


def test_an_unknown_key_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"web\.prot.*no such key"):
        config.load(write(tmp_path, "[web]\nprot = 8080\n"))


def test_several_mistakes_are_told_at_once(tmp_path: Path) -> None:
    file = write(tmp_path, "[web]\nport = 99999\n[planning]\nat_once_daily_cap = 0\n")
    with pytest.raises(ConfigurationError) as caught:
        config.load(file)
    assert "2 mistakes" in str(caught.value)


def test_a_broken_file_is_told_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"tribune\.toml: this is not TOML"):
        config.load(write(tmp_path, "[web\n"))


def test_a_file_that_was_named_must_exist(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no such file"):
        config.load(tmp_path / "nowhere.toml")


@pytest.mark.parametrize(
    "text",
    ['[email.smtp]\npassword = "hunter2-hunter2"\n', '[security.signing_keys]\nk1 = "hunter2-hunter2"\n'],
)
def test_secrets_do_not_show(tmp_path: Path, text: str) -> None:
    assert "hunter2" not in repr(config.load(write(tmp_path, text)))


def test_a_secret_of_the_wrong_type_is_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        config.load(write(tmp_path, "[email.smtp]\npassword = 123456\n"))
    assert "123456" not in str(caught.value)
    assert "email.smtp.password" in str(caught.value)


@pytest.mark.parametrize("kid", ["K2", "kÉ", '""', "hunter2hunter2", '"k-2"'])
def test_a_key_id_survives_a_server_that_folds_case(tmp_path: Path, kid: str) -> None:
    name = kid if kid.isascii() else f'"{kid}"'
    with pytest.raises(ConfigurationError) as caught:
        config.load(write(tmp_path, f'[security.signing_keys]\n{name} = "{"hunter2" * 6}"\n'))
    told = str(caught.value)
    assert "security.signing_keys: " in told and "lowercase letters and digits" in told
    assert "hunter2" not in told


def test_the_default_language_must_be_offered(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="default_language"):
        config.load(write(tmp_path, '[organisation]\nlanguages = ["fr"]\n'))


def test_overrides_go_into_sections_of_the_file(tmp_path: Path) -> None:
    file = write(tmp_path, '[email]\nreturn_path_domain = "b.example"\n')
    settings = config.load(file, email={"outbox_folder": tmp_path})
    assert (settings.email.return_path_domain, settings.email.outbox_folder) == ("b.example", tmp_path)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('[digests.letter]\nnames = { en = "L" }\nsender = "not an address"\n', "digests.letter.sender"),
        ('[organisation]\ncontact = "nobody"\n', "organisation.contact"),
        ('[organisation]\nlanguages = ["english"]\n', "organisation.languages"),
        ('[web]\nbase_url = "javascript:alert(1)"\n', "web.base_url"),
        ('[email]\nreturn_path_domain = "a b"\n', "email.return_path_domain"),
        ('[sources.feeds.a]\naddress = "https://x.example"\nevery_minutes = -3\n', "sources.feeds.a.every_minutes"),
    ],
)
def test_what_cannot_work_is_refused_where_it_stands(tmp_path: Path, text: str, key: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        config.load(write(tmp_path, text))
    assert key in str(caught.value)


def digest(id: str = "letter", sender: str = "a@b.example") -> str:
    return f'[digests."{id}"]\nnames = {{ en = "L" }}\nsender = "{sender}"\n'


GROUPS = "[email.throttle.domains]\n"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (digest("été"), ["digests", "'été' is not an id", "letters (a-z, A-Z), digits and -"]),
        (digest("١٢"), ["digests", "'١٢' is not an id"]),
        (digest("--"), ["digests", "'--' is not an id"]),
        ('[web]\nbase_url = "https://straße.de/t"\n', ["web.base_url = 'https://straße.de/t'", "xn--strae-oqa.de"]),
        ('[web]\nbase_url = "https://a.example/é"\n', ["web.base_url", "%-form"]),
        ('[web]\nbase_url = "https://a.example/<b>"\n', ["web.base_url", "no space, <"]),
        (f'[web]\nbase_url = "https://a.example/{"b" * 183}"\n', ["web.base_url", "at most 200", "it has 201"]),
        (GROUPS + '"gmail.com" = 20\n', ["email.throttle.domains", "gmail.com belongs to 'google'", "microsoft"]),
        (GROUPS + "gmail.com = 20\n", ["email.throttle.domains", "gmail.com belongs to 'google'"]),
        (GROUPS + '"ilo.example" = 20\n', ["'ilo.example' is no group", "belongs to 'other'"]),
        (GROUPS + "Google = 20\n", ["'Google' is no group of domains. The groups are apple, "]),
        (digest(sender="a@straße.de"), ["digests.letter.sender = 'a@straße.de'", "write a@xn--strae-oqa.de"]),
        (digest(sender="é@b.example"), ["digests.letter.sender = 'é@b.example'", "plain letters (ASCII)"]),
        ('[organisation]\ncontact = "é@b.example"\n', ["organisation.contact", "plain letters (ASCII)"]),
    ],
)
def test_what_no_mail_could_be_sent_with_is_refused(tmp_path: Path, text: str, told: list[str]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        config.load(write(tmp_path, text))
    assert [part for part in told if part not in str(caught.value)] == []


def test_what_mails_can_be_sent_with_is_taken_as_it_is(tmp_path: Path) -> None:
    base = f"https://xn--strae-oqa.de:8443/{'b' * 170}"
    text = digest("our-Letter2", "a@xn--strae-oqa.de") + f'[web]\nbase_url = "{base}"\n' + GROUPS
    settings = config.load(write(tmp_path, text + "".join(f"{name} = 2\n" for name in addresses.GROUPS)))
    assert settings.digests["our-Letter2"].sender == "a@xn--strae-oqa.de"
    assert fit("our-Letter2")
    assert (settings.web.base_url, len(base)) == (base, 200)
    assert set(settings.email.throttle.domains) >= {"google", "microsoft", "netease", "other"}


@pytest.mark.parametrize(
    "name",
    ["TRIBUNE_EMAIL__SMTP__PASSWRD", "TRIBUNE_SECURITY__SIGNING_KEYS", "TRIBUNE_STORE__URLL", "TRIBUNE_WEBB__PORT"],
)
def test_a_mistyped_variable_is_told_without_its_value(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(name, '{"k2": "hunter2')
    with pytest.raises(ConfigurationError) as caught:
        config.load()
    assert "hunter2" not in str(caught.value)
