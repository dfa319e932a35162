"""docker-compose.yml, compose.embedded.yml and the Dockerfile: the rules that each service and image must keep.

There may be no Docker engine here: the files are read, and held to what must stand in them.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from tests.conftest import ROOT
from tribune import config
from tribune.commands._house import DRAIN_SECONDS, PAGES_SECONDS
from tribune.commands._parts import Role

ENGINES, EMBEDDED = "docker-compose.yml", "compose.embedded.yml"
Service = dict[str, Any]


def read(name: str) -> dict[str, Any]:
    told = yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))
    assert isinstance(told, dict)
    return told


def every_service() -> list[Any]:
    return [
        pytest.param(service, id=f"{file}:{name}")
        for file in (ENGINES, EMBEDDED)
        for name, service in read(file)["services"].items()
    ]


@pytest.mark.parametrize("service", every_service())
def test_each_service_keeps_the_rules(service: Service) -> None:
    uid, _, gid = service["user"].partition(":")
    assert int(uid) > 0 and int(gid) > 0, "nobody is root"
    assert service["read_only"] is True
    assert service["tmpfs"]
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service and "privileged" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["restart"] in ("unless-stopped", "on-failure")
    assert re.fullmatch(r"\d+[mg]", service["mem_limit"])
    assert 0 < service["cpus"] <= 2
    assert service["pids_limit"] > 0
    for port in service.get("ports", ()):
        assert port.startswith("127.0.0.1:"), "ports are open to this machine only"


@pytest.mark.parametrize("service", every_service())
def test_each_service_that_stays_tells_its_health(service: Service) -> None:
    check = service["healthcheck"]
    if service["restart"] == "on-failure":
        assert check == {"disable": True}, "what runs once and ends has no health"
        return
    assert check["test"][0] == "CMD" and {"interval", "timeout", "retries", "start_period"} <= check.keys()


@pytest.mark.parametrize("service", every_service())
def test_images_are_pinned_by_version(service: Service) -> None:
    image = service["image"]
    assert image == "tribune:local" or re.search(r":v?\d+\.\d+(\.\d+)?(-[a-z]+)?$", image), image


@pytest.mark.parametrize("file", [ENGINES, EMBEDDED])
def test_no_secret_stands_in_the_file(file: str) -> None:
    for name, service in read(file)["services"].items():
        for key, value in service.get("environment", {}).items():
            if re.search(r"PASSWORD|SECRET|SIGNING_KEYS|SUPPRESSION_KEY|TOKEN", key):
                assert re.search(r"\$\{[A-Z_]+:(\?[^}]+|-)\}", value), f"{name}: {key} must come from the environment"
                assert not re.search(r"\w{12,}", re.sub(r"\$\{[^}]*\}", "", value))
            assert not re.search(r"://[^/@\s]*:[^/@\s]+@", value), f"{name}: {key} holds a password"


def test_every_role_is_a_service_that_waits_for_the_migration() -> None:
    services = read(ENGINES)["services"]
    for role in Role:
        service = services[role.value]
        assert service["command"] == ["tribune", "run", role.value]
        assert service["depends_on"] == {
            "migrate": {"condition": "service_completed_successfully"},
            "postgres": {"condition": "service_healthy"},
            "kafka": {"condition": "service_healthy"},
        }
        assert "container_name" not in service, "a role may have several copies"
        assert ("ports" in service) == (role is Role.WEB), "copies cannot share a port of the host"
    assert services["migrate"]["command"] == ["tribune", "migrate"]


def test_every_role_has_the_time_to_end_well() -> None:
    services = [read(ENGINES)["services"][role.value] for role in Role] + [read(EMBEDDED)["services"]["tribune"]]
    for service in services:
        grace = int(service["stop_grace_period"].removesuffix("s"))
        assert grace > DRAIN_SECONDS + PAGES_SECONDS, "open pages are waited for, and then what is in hand"


def test_store_and_log_are_not_reached_from_outside() -> None:
    told = read(ENGINES)
    assert told["networks"]["inner"] == {"internal": True}
    for name in ("postgres", "kafka"):
        assert told["services"][name]["networks"] == ["inner"]
        assert "ports" not in told["services"][name]


def test_volumes_that_are_used_are_declared() -> None:
    for file in (ENGINES, EMBEDDED):
        told = read(file)
        for name, service in told["services"].items():
            for volume in service.get("volumes", ()):
                if isinstance(volume, str):
                    assert volume.partition(":")[0] in told["volumes"], f"{file}: {name}"


def test_the_variables_of_the_services_are_settings() -> None:
    for file in (ENGINES, EMBEDDED):
        for name, service in read(file)["services"].items():
            for key in service.get("environment", {}):
                if not key.startswith("TRIBUNE_") or key == "TRIBUNE_CONFIG":
                    continue
                section, *rest = key.removeprefix("TRIBUNE_").lower().split("__")
                assert section in config.Settings.model_fields, f"{file}: {name}: {key}"
                model: Any = config.Settings.model_fields[section].annotation
                for part in rest:
                    assert part in model.model_fields, f"{file}: {name}: {key}"
                    model = model.model_fields[part].annotation


def test_the_example_of_the_environment_names_what_is_asked_for_and_holds_nothing() -> None:
    asked = set(re.findall(r"\$\{([A-Z_]+):\?", (ROOT / ENGINES).read_text(encoding="utf-8")))
    lines = (ROOT / "tribune.env.example").read_text(encoding="utf-8").splitlines()
    told = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    assert told == dict.fromkeys(asked, "")
    assert ".env" in (ROOT / ".gitignore").read_text(encoding="utf-8").split()
    assert ".env" in (ROOT / ".dockerignore").read_text(encoding="utf-8").split()


def test_the_image_is_made_in_stages_from_a_pinned_base_and_runs_as_nobody_special() -> None:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    bases = re.findall(r"^FROM (\S+)", text, re.M)
    assert len(bases) >= 2
    for base in bases:
        assert re.fullmatch(r"python:3\.\d+\.\d+-slim-\w+", base)
    users = re.findall(r"^USER (\S+)", text, re.M)
    assert users[-1] == "10001:10001"
    assert "--require-hashes" in text
