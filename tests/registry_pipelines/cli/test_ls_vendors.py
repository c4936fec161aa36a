"""`ls` and `count` where the registry hides its repositories: the vendor lists them, or it is said who cannot."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.image_builder import make_image
from tests.registry_pipelines.cli.calling import Ended, call
from tests.resources.registry.providers.docker_hub_emulator import DockerHubEmulator
from tests.resources.registry.providers.ghcr_emulator import GhcrEmulator
from tests.resources.registry.providers.harbor_emulator import HarborEmulator
from tests.resources.registry.providers.quay_emulator import QuayEmulator
from tests.resources.registry.providers.vendor_server import Reply, web_page


@pytest.fixture(autouse=True)
def nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for variable in ("DOCKER_CONFIG", "XDG_RUNTIME_DIR", "REGISTRY_AUTH_FILE", "REGISTRY_PIPELINES_CONFIG"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("GITHUB_TOKEN", "ghp_reader_4711")
    monkeypatch.setenv("QUAY_TOKEN", "quay-oauth-4711")
    monkeypatch.setenv("HARBOR_ROBOT", "robot-secret-4711")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def github() -> Iterator[GhcrEmulator]:
    """Its registry half answers 404 to `_catalog`, as ghcr.io does."""
    with GhcrEmulator() as emulator:
        for repository, tags in {"acme/team/web": ("v1", "v2"), "acme/tool": ("latest",)}.items():
            for tag in tags:
                emulator.shelf.put(repository, make_image([tag.encode()]), tag)
        yield emulator


def asked(command: str, url: str, *arguments: str, **settings: Any) -> Ended:
    site = Path("site.yaml")
    patient = {"retries": 0, "patience": "2s", "timeout": "10s"}
    site.write_text(json.dumps({"registries": {"here": {"url": url, **patient, **settings}}}))
    return call("--config", site, command, "here", *arguments)


def ghcr(github: GhcrEmulator, **own: Any) -> dict[str, Any]:
    return {"ghcr": {"api": github.url, "owner": "acme", "token": {"env": "GITHUB_TOKEN"}, **own}}


LINES = ["acme/team/web:v1", "acme/team/web:v2", "acme/tool:latest"]


def test_packages_of_github_are_listed_and_counted(github: GhcrEmulator) -> None:
    ended = asked("ls", github.url, provider=ghcr(github))
    assert ended.code == 0, ended.err
    assert ended.lines == LINES
    assert ended.err == ""
    ended = asked("count", github.url, "--json", provider=ghcr(github))
    assert json.loads(ended.out) == [{"registry": "here", "repositories": 2, "tags": 3}]


def test_github_is_not_asked_where_repositories_are_named(github: GhcrEmulator) -> None:
    assert asked("ls", github.url, "-r", "acme/tool", provider=ghcr(github)).lines == ["acme/tool:latest"]
    assert not [path for path in github.paths() if not path.startswith("/v2/")]


def test_harbor_lists_for_a_robot_that_may_not_read_the_catalog() -> None:
    with HarborEmulator() as harbor:
        harbor.shelf.put("health/web", make_image(), "v1")
        robot = {"username": "robot$pipelines", "password": {"env": "HARBOR_ROBOT"}}
        assert asked("ls", harbor.url, provider="harbor", credentials=robot).lines == ["health/web:v1"]


def test_docker_hub_lists_its_namespaces(github: GhcrEmulator) -> None:
    with DockerHubEmulator() as hub:
        hub.shelf.put("acme/tool", make_image([b"latest"]), "latest")
        own = {"docker_hub": {"api": hub.url, "namespaces": ["acme"]}}
        assert asked("ls", github.url, provider=own).lines == ["acme/tool:latest"]


def test_quay_lists_its_namespaces(github: GhcrEmulator) -> None:
    with QuayEmulator() as quay:
        quay.repositories = {"acme/team/web": [], "acme/tool": []}
        own = {"quay": {"api": quay.url, "namespaces": ["acme"], "token": {"env": "QUAY_TOKEN"}}}
        assert asked("ls", github.url, provider=own).lines == LINES


def test_where_nobody_lists_both_are_told_with_what_to_write(github: GhcrEmulator) -> None:
    ended = asked("ls", github.url, provider=ghcr(github, owner=None))
    assert ended.code == 5
    assert ended.out == ""
    assert "could not list" in ended.err
    assert "no owner is named; write `provider: {ghcr: {owner: …}}`" in ended.err
    assert "name them: with `-r`" in ended.err


def test_an_empty_catalog_of_a_vendor_is_not_an_empty_registry(github: GhcrEmulator) -> None:
    github.fail(lambda one: "_catalog" in one.path, Reply(200, {"repositories": []}), times=9)
    ended = asked("count", github.url, provider=ghcr(github, owner=None))
    assert ended.code == 5
    assert "lists no repository at all, and" in ended.err


def test_what_the_configuration_names_is_read_where_nobody_lists(github: GhcrEmulator) -> None:
    ended = asked("ls", github.url, provider=ghcr(github, owner=None), repositories=["acme/tool"])
    assert (ended.code, ended.lines) == (0, ["acme/tool:latest"])


def test_the_registry_is_asked_where_the_vendor_fails_and_that_is_told(github: GhcrEmulator) -> None:
    catalog = Reply(200, {"repositories": ["acme/tool"]})
    github.fail(lambda one: "_catalog" in one.path, catalog, times=9)
    github.fail(lambda one: "/packages" in one.path, web_page(), times=9)
    ended = asked("ls", github.url, provider=ghcr(github))
    assert ended.lines == ["acme/tool:latest"]
    assert ended.code == 5
    assert "a web page came" in ended.err
    assert "the registry itself was asked instead" in ended.err
    assert "may not be all there is" in ended.err


def test_a_list_that_breaks_off_keeps_what_was_read_and_says_until_when(github: GhcrEmulator) -> None:
    for number in range(150):
        github.shelf.put(f"acme/app-{number:03}", make_image([b"same"]), "v1")
    spent = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(time.time()) + 3600)}
    limit = Reply(403, {"message": "API rate limit exceeded"}, headers=spent)
    github.fail(lambda one: one.path.endswith("/packages") and one.query.get("page") == "2", limit)
    ended = asked("ls", github.url, provider=ghcr(github))
    assert ended.code == 5
    assert len(ended.lines) >= 100
    assert "limits how much we may ask, until" in ended.err


def test_a_token_without_the_scope_is_told_which_and_never_shown(
    github: GhcrEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    github.scopes["ghp_other_4711"] = set()
    monkeypatch.setenv("GITHUB_TOKEN", "ghp_other_4711")
    ended = asked("ls", github.url, provider=ghcr(github))
    assert ended.code == 5
    assert "the scope `read:packages`" in ended.err
    assert "4711" not in ended.err


def test_a_named_vendor_whose_secret_is_missing_is_an_error_of_the_configuration(
    github: GhcrEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GITHUB_TOKEN")
    ended = asked("ls", github.url, provider=ghcr(github))
    assert ended.code == 2
    assert "GITHUB_TOKEN" in ended.err


def test_an_organization_that_does_not_exist_is_one_sentence(github: GhcrEmulator) -> None:
    ended = asked("ls", github.url, provider=ghcr(github, owner="acmee", kind="organization"))
    assert ended.code == 5
    assert "could not list the packages of acmee" in ended.err
    assert "check `owner` and `kind`" in ended.err
    assert "Traceback" not in ended.err
