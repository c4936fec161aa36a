"""What cannot be parsed is one sentence and an exit code of ours, never a traceback and never 70."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.registry_pipelines.cli.calling import Ended, call
from tests.resources.registry.faulty_registry import FaultyRegistry, Reply, digest_of, image, json_reply

NOBODY = "~nosuchuser/registry_pipelines.yaml"
BROKEN = "http://[::1/token"


def one_sentence(ended: Ended, code: int, words: str) -> None:
    assert ended.code == code, ended.err
    assert words in ended.err
    assert "Traceback" not in ended.err
    assert "Please report" not in ended.err


def site(folder: Path, **sections: Any) -> Path:
    path = folder / "registry_pipelines.yaml"
    path.write_text(json.dumps(sections))
    return path


def test_a_home_of_nobody_is_a_mistake_of_whoever_wrote_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one_sentence(call("--config", NOBODY, "plan", "list"), 2, "the home directory of '~nosuchuser' is not known")
    monkeypatch.setenv("REGISTRY_PIPELINES_CONFIG", NOBODY)
    one_sentence(call("plan", "list"), 2, "the home directory of '~nosuchuser' is not known")
    monkeypatch.delenv("REGISTRY_PIPELINES_CONFIG")
    for section in (
        {"clusters": {"c": {"dump": NOBODY}}},
        {"clusters": {"c": {"context": "x", "kubeconfig": NOBODY}}},
        {"registries": {"r": {"url": "https://r.example.com", "tls": {"ca": NOBODY}}}},
        {"registries": {"r": {"url": "https://r.example.com", "credentials": {"docker_config": NOBODY}}}},
        {"database": {"url": f"sqlite:///{NOBODY}"}},
        {"web": {"token": {"file": NOBODY}}},
    ):
        ended = call("--config", site(tmp_path, **section), "plan", "list")
        one_sentence(ended, 2, "the home directory of '~nosuchuser' is not known")


@pytest.mark.parametrize("address", ["http://[::1/x", "https://[", "http://h:99999", "https://h:port", "http://\ud800"])
def test_an_address_that_is_none_is_a_mistake_on_the_command_line(address: str) -> None:
    assert call("ls", address).code == 2
    assert call("count", address).code == 2


def test_a_realm_and_a_redirect_to_nowhere_are_a_sentence_and_the_other_registry_is_read(tmp_path: Path) -> None:
    with FaultyRegistry() as realm, FaultyRegistry() as redirect, FaultyRegistry() as good:
        for path in ("/v2/", "/v2/_catalog"):
            realm.on("GET", path, Reply(401, b"", {"WWW-Authenticate": f'Bearer realm="{BROKEN}",service="s"'}))
            redirect.on("GET", path, Reply(307, b"", {"Location": BROKEN}))
            good.on("GET", path, json_reply({"repositories": ["team/app"]}))
        good.holds("team/app", {"v1": image()})
        registries = {
            name: {"url": one.url, "retries": 0}
            for name, one in (("realm", realm), ("redirect", redirect), ("good", good))
        }
        ended = call("--config", site(tmp_path, registries=registries), "catalog", "--json")
        one_sentence(ended, 5, "is not an address")
        assert [row["repositories"] for row in json.loads(ended.out)][-1] == 1
        for name in ("realm", "redirect"):
            one_sentence(call("--config", tmp_path / "registry_pipelines.yaml", "ls", name), 5, "is not an address")


def test_a_version_of_5000_digits_is_a_tag_like_any_other(tmp_path: Path) -> None:
    long = "1.0." + "9" * 5000
    body = image(annotations={"org.opencontainers.image.version": long})
    with FaultyRegistry() as registry:
        registry.on("GET", "/v2/_catalog", json_reply({"repositories": ["team/app"]}))
        registry.holds("team/app", {"1.2.3": body, long: body})
        registry.on("GET", f"/v2/team/app/manifests/{digest_of(body)}", Reply(200, body))
        path = site(tmp_path, registries={"main": {"url": registry.url, "retries": 0}})
        assert call("--config", path, "catalog").code in (0, 5)
        for command in (("versions",), ("images",), ("usage", "team/app"), ("ls", "main", "team/app")):
            ended = call("--config", path, *command)
            assert ended.code != 70, (command, ended.err)
        for written in (f">={long}", f"^{'9' * 5000}", f"{'9' * 5000}.1"):
            rule = {"from": "main", "to": "main", "what": {"versions": [written]}}
            one_sentence(
                call("--config", site(tmp_path, registries={}, migrations={"m": rule}), "plan", "list"), 2, "versions"
            )
