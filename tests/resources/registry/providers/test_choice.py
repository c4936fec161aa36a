"""A vendor that is named, one that the host tells, and none: what each failure costs the catalog."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from registry_core.errors import ConfigError
from resources.configuration.load import load_site
from resources.registry.connection import RegistryConnection
from resources.registry.crawling.crawl import Crawl
from resources.registry.providers.choice import PROVIDERS, provider_of, removes_single_tags
from resources.registry.providers.ghcr import Ghcr
from resources.registry.providers.interface import ImageDetail, Provider
from tests.image_builder import make_image
from tests.resources.registry.providers.ghcr_emulator import GhcrEmulator
from tests.resources.registry.providers.vendors import AS_OF, connected, settings_of


def _crawl(github: GhcrEmulator, *, by_host: bool, token: str) -> Crawl:
    provider = {"ghcr": {"owner": "acme", "api": github.url, "token": {"env": token}}}
    connection, found = connected(github.url, provider, repositories=["acme/web"])
    found.by_host = by_host
    return Crawl(connection, AS_OF, provider=found)


def test_a_vendor_that_only_the_host_told_may_refuse(github: GhcrEmulator) -> None:
    github.shelf.put("acme/web", make_image(), "v1")
    github.scopes["ghp_reader_4711"] = {"repo"}
    crawl = _crawl(github, by_host=True, token="GITHUB_TOKEN")
    (repository,) = crawl
    assert repository.gap is None
    assert crawl.coverage.complete
    assert any(gap.excused and gap.place == "GHCR's own API" for gap in crawl.coverage.gaps)


def test_a_vendor_that_was_named_may_not(github: GhcrEmulator) -> None:
    github.shelf.put("acme/web", make_image(), "v1")
    github.scopes["ghp_reader_4711"] = {"repo"}
    crawl = _crawl(github, by_host=False, token="GITHUB_TOKEN")
    (repository,) = crawl
    assert repository.tags
    assert not crawl.coverage.complete


def test_a_token_that_is_not_there_stops_only_whom_it_was_named_for(github: GhcrEmulator) -> None:
    github.shelf.put("acme/web", make_image(), "v1")
    with pytest.raises(ConfigError, match="NOT_THERE"):
        list(_crawl(github, by_host=False, token="NOT_THERE"))
    crawl = _crawl(github, by_host=True, token="NOT_THERE")
    assert len(list(crawl)) == 1
    assert crawl.coverage.complete


@pytest.mark.parametrize(
    ("host", "provider", "said", "can"),
    [
        ("https://harbor.example.com", "harbor", {}, True),
        ("https://harbor.example.com", "harbor", {"removes_single_tags": False}, False),
        ("https://harbor.example.com", "plain", {}, False),
        ("https://registry.example.com", "auto", {}, False),
        ("https://registry.example.com", "auto", {"removes_single_tags": True}, True),
        ("https://ghcr.io", {"ghcr": {"owner": "acme"}}, {}, False),
        ("https://quay.io", "auto", {}, False),  # without a token its own API deletes nothing
        ("https://quay.io", {"quay": {"namespaces": ["acme"], "token": {"env": "QUAY_TOKEN"}}}, {}, True),
    ],
)
def test_single_tags_are_removed_where_the_vendor_documents_it_or_the_settings_say_so(
    host: str, provider: Any, said: dict[str, Any], can: bool
) -> None:
    assert removes_single_tags(settings_of(host, provider, **said)) is can


def test_a_plain_registry_has_no_vendor() -> None:
    for provider in ("plain", "auto"):
        connection = RegistryConnection("test", settings_of("https://registry.example.com", provider))
        assert provider_of(connection, lambda: None) is None


def test_every_vendor_declares_each_capability_in_a_sentence() -> None:
    assert len(PROVIDERS) == 9
    for provider in PROVIDERS.values():
        assert issubclass(provider, Provider)
        rows = list(provider.capabilities.rows())
        assert len(rows) == 9
        assert all(capability.told and capability.verdict in ("yes", "no", "unknown") for _, capability in rows)


def test_pieces_of_an_image_are_joined_and_the_later_time_counts() -> None:
    early, late = AS_OF.replace(day=1), AS_OF.replace(day=2)
    one = ImageDetail("sha256:1", ("v1",), pushed_at=late, protection=("locked",))
    other = ImageDetail("sha256:1", ("v2",), pushed_at=early, pulled_at=early, protection=("locked",), readable=False)
    joined = one.joined(other)
    assert (joined.tags, joined.pushed_at, joined.pulled_at) == (("v1", "v2"), late, early)
    assert (joined.protection, joined.readable) == (("locked",), False)
    assert Ghcr.names_every_image


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("provider: harbour", "write `auto`, `plain`, or one of"),
        ("provider: {ghcr: {owner: acme}, harbor: {}}", "keep one of ghcr, harbor"),
        ("provider: {ghcr: {token: ghp_4711}}", "never the secret"),
        ("provider: {ghcr: {ownr: acme}}", "did you mean `owner`"),
        ("provider: {azure: {tenant: acme}}", "go together"),
        ("provider: {ibm: {account: a}}", "`api_key` is missing"),
    ],
)
def test_a_wrong_provider_is_told_with_its_line(written: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "registry_pipelines.yaml"
    path.write_text(f"registries:\n  one:\n    url: https://registry.example.com\n    {written}\n")
    with pytest.raises(ConfigError) as caught:
        load_site(path)
    told: Any = str(caught.value)
    assert said in told
    assert ":4 registries.one.provider" in told
    assert "4711" not in told
