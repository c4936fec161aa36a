"""The doctor tries the vendor's own API and shows what it can do."""

from __future__ import annotations

import pytest

from registry_pipelines.cli.doctor_vendor import diagnose_vendor
from resources.registry.connection import RegistryConnection
from tests.image_builder import make_image
from tests.resources.registry.providers.docker_hub_emulator import DockerHubEmulator
from tests.resources.registry.providers.ghcr_emulator import GhcrEmulator
from tests.resources.registry.providers.vendor_server import Asked, Reply
from tests.resources.registry.providers.vendors import settings_of


def _diagnosed(url: str, provider: object) -> dict[str, tuple[str, str]]:
    connection = RegistryConnection("test", settings_of(url, provider), lambda: None)
    rows = diagnose_vendor("registry test", connection, lambda: None)
    return {row.tried: (row.state, row.told) for row in rows}


def test_what_the_vendor_lists_and_can_do_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "ghp_reader_4711")
    with GhcrEmulator() as github:
        github.shelf.put("acme/web", make_image(), "v1")
        settings = {"ghcr": {"owner": "acme", "api": github.url, "token": {"env": "GITHUB_TOKEN"}}}
        rows = _diagnosed(github.url, settings)
        assert rows["ask GHCR"] == ("ok", "repositories that it lists: 1")
        assert rows["restores"][1].startswith("yes: for 30 days")
        assert rows["removes single tags"][1].startswith("no: ")
        assert len(rows) == 10
        github.scopes["ghp_reader_4711"] = set()
        state, told = _diagnosed(github.url, settings)["ask GHCR"]
        assert state == "fails"
        assert "`read:packages`" in told


def test_a_token_that_is_not_there_fails_and_is_told() -> None:
    rows = _diagnosed("http://127.0.0.1:9", {"ghcr": {"owner": "acme", "token": {"env": "NOT_THERE"}}})
    assert rows["ask GHCR"][0] == "fails"
    assert "NOT_THERE" in rows["ask GHCR"][1]


def test_a_plain_registry_has_no_such_rows() -> None:
    assert _diagnosed("http://127.0.0.1:9", "plain") == {}


def test_docker_hub_tells_how_many_pulls_are_left_without_costing_one() -> None:
    with DockerHubEmulator() as hub:
        stored = hub.shelf.put("ratelimitpreview/test", make_image(), "latest")
        answer = hub.answer

        def limited(asked: Asked) -> Reply:
            reply = answer(asked)
            reply.headers |= {"ratelimit-limit": "100;w=21600", "ratelimit-remaining": "76;w=21600"}
            return reply

        hub.answer = limited  # type: ignore[method-assign]
        rows = _diagnosed(hub.url, {"docker_hub": {"namespaces": ["ratelimitpreview"], "api": hub.url}})
        assert rows["pulls left"] == ("ok", "76 of 100 pulls left within 6 h")
        assert not [asked for asked, _ in hub.asked if asked.method == "GET" and stored.digest in asked.path]
