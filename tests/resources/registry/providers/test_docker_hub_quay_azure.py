"""Docker Hub, Quay and Azure: names, times, locks, tags; each held against what its vendor publishes."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from registry_core.errors import RegistryError
from resources.configuration.sign_in import sign_in_to
from resources.registry.client import RegistryClient
from resources.registry.providers.docker_hub_immutability import ImmutableTags
from resources.registry.pull_limit import PullAllowance
from resources.registry.sign_in.login import IdentityToken, Login
from tests.image_builder import make_image, make_multi_platform
from tests.resources.registry.providers.azure_emulator import AzureEmulator
from tests.resources.registry.providers.contract import SPECS, contract_of
from tests.resources.registry.providers.docker_hub_emulator import DockerHubEmulator
from tests.resources.registry.providers.quay_emulator import QuayEmulator, QuayTag
from tests.resources.registry.providers.vendor_server import Asked, Reply
from tests.resources.registry.providers.vendors import connected, crawled, deletion_at, restoration_at, settings_of

JANE = Login("jane", "dckr_pat_4711")
PUSHED = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)
ENTRA = {"tenant": "acme.example.com", "client_id": "pipelines", "client_secret": {"env": "AZURE_SECRET"}}


def _hub(hub: DockerHubEmulator) -> dict[str, Any]:
    return {"docker_hub": {"namespaces": ["acme"], "api": hub.url}}


def test_docker_hub_lists_every_page_and_tells_times_of_tags_and_platforms() -> None:
    contract = contract_of("dockerhub-tags-subset-openapi.yaml")
    with DockerHubEmulator() as hub:
        image = make_multi_platform()
        stored = hub.shelf.put("acme/web", image, "v1", "v2", pushed_at="2026-02-03T04:05:06.123456Z")
        stored.pulled_at = "2026-02-20T00:00:00Z"
        for number in range(120):
            hub.shelf.put(f"acme/app-{number}", make_image([b"same"]), "v1")
        _, provider = connected(hub.url, _hub(hub), JANE)
        assert len(provider.repositories().names) == 121
        images = provider.details("acme/web").images
        assert images[image.digest].tags == ("v1", "v2")
        assert images[image.digest].pushed_at == PUSHED.replace(microsecond=123456)
        assert {child.digest for child in image.children} < set(images)
        deletion = deletion_at(hub.url, _hub(hub), JANE)
        assert deletion.remove_tag("acme/web", "v1") == "accepted"
        assert deletion.delete_image("acme/web", image.digest) == "accepted"
        assert deletion.delete_image("acme/web", image.digest) == "not there"
        # Of repositories the subset says nothing.
        hub.asked = type(hub.asked)(pair for pair in hub.asked if "/tags" in pair[0].path or "auth" in pair[0].path)
        assert contract.judge(hub, of="/v2/") >= 5


def test_immutable_tags_of_docker_hub_are_seen_as_protection() -> None:
    with DockerHubEmulator() as hub:
        release, build = make_image([b"release"]), make_image([b"build"])
        hub.shelf.put("acme/web", release, "1.2.3")
        hub.shelf.put("acme/web", build, "build-7")
        hub.shelf.put("acme/other", release, "1.2.3")
        rule = r"^[0-9]+\.[0-9]+\.[0-9]+$"
        hub.immutable["acme/web"] = [rule]
        _, provider = connected(hub.url, _hub(hub), JANE)
        images = provider.details("acme/web").images
        assert images[release.digest].protection == (f"immutable tag by the rule {rule}: 1.2.3",)
        assert images[build.digest].protection == ()
        assert provider.details("acme/other").images[release.digest].protection == ()
        hub.fail(lambda asked: asked.path.endswith("/repositories/other"), Reply(500), times=9)
        assert provider.details("acme/other").gap is not None


@pytest.mark.parametrize("rule", ["(a+)+$", "[", "(?P<x>a)(?P<x>b)", "x" * 300, ".*.*.*.*z", r"\pN+"])
def test_a_rule_that_is_beyond_us_protects(rule: str) -> None:
    told = {"immutable_tags_settings": {"enabled": True, "rules": [rule]}}
    assert ImmutableTags.read(told).of("a" * 128)


@pytest.mark.parametrize("told", [None, [], {}, {"immutable_tags_settings": {"enabled": False, "rules": [".*"]}}])
def test_without_the_setting_no_tag_of_docker_hub_is_immutable(told: object) -> None:
    assert ImmutableTags.read(told).of("v1") == ()


def test_docker_hub_names_a_time_to_come_back_and_not_a_span() -> None:
    with DockerHubEmulator() as hub:
        hub.shelf.put("acme/web", make_image(), "v1")
        limited = Reply(429, {"detail": "Rate limit exceeded"}, headers={"X-Retry-After": str(int(time.time()) + 2)})
        hub.fail(lambda asked: asked.path.endswith("/repositories"), limited)
        begun = time.monotonic()
        assert connected(hub.url, _hub(hub))[1].repositories().names == ("acme/web",)
        assert 0.5 < time.monotonic() - begun < 5
        hour = Reply(429, {"detail": "Rate limit exceeded"}, headers={"X-Retry-After": str(int(time.time()) + 3600)})
        hub.fail(lambda asked: asked.path.endswith("/repositories"), hour, times=9)
        gap = connected(hub.url, _hub(hub))[1].repositories().gap
        assert gap is not None
        assert gap.fault == "throttled"
        assert "UTC" in gap.detail


def test_docker_hub_refuses_a_wrong_token_without_repeating_it() -> None:
    with DockerHubEmulator() as hub:
        gap = connected(hub.url, _hub(hub), Login("jane", "wrong-4711"))[1].repositories().gap
        assert gap is not None
        assert "personal access token" in gap.detail
        assert "4711" not in gap.detail


def test_a_known_image_of_docker_hub_costs_a_head_and_no_pull() -> None:
    from tests.resources.registry.kept import Kept

    with DockerHubEmulator() as hub:
        hub.shelf.put("acme/web", make_image(), "v1")
        first = crawled(hub.url, _hub(hub), JANE)
        kept = Kept()
        kept.keep(first)
        hub.asked.clear()
        again = crawled(hub.url, _hub(hub), JANE)
        again.remembered = kept
        list(again)
        methods = {asked.method for asked, _ in hub.asked if "/manifests/" in asked.path}
        assert methods == {"HEAD"}


def _limited(hub: DockerHubEmulator, left: int, of: int = 100) -> list[int]:
    """Tell the limit with each manifest, as Docker Hub does: a GET costs one, a HEAD nothing."""
    remaining = [left]
    answer = hub.answer

    def limited(asked: Asked) -> Reply:
        if "/manifests/" not in asked.path:
            return answer(asked)
        if asked.method == "GET":
            if remaining[0] <= 0:
                return Reply(429, {"errors": [{"code": "TOOMANYREQUESTS", "message": "You have reached your limit"}]})
            remaining[0] -= 1
        reply = answer(asked)
        told = {"ratelimit-limit": f"{of};w=21600", "ratelimit-remaining": f"{remaining[0]};w=21600"}
        reply.headers.update(told)
        return reply

    hub.answer = limited  # type: ignore[method-assign]
    return remaining


def test_the_last_pulls_are_left_to_the_clusters_and_the_next_run_goes_on() -> None:
    from tests.resources.registry.kept import Kept

    with DockerHubEmulator() as hub:
        for number in range(40):
            hub.shelf.put("acme/web", make_image([str(number).encode()]), f"v{number}")
        remaining = _limited(hub, 25)
        first = crawled(hub.url, _hub(hub), JANE, connections=1)
        kept = Kept()
        kept.keep(first)
        assert 5 <= remaining[0] <= 10
        (gap,) = first.coverage.unexcused
        assert gap.fault == "throttled"
        assert "10 of 100 pulls left within 6 h, and the last are left to the clusters" in gap.detail
        remaining[0] = 100
        again = crawled(hub.url, _hub(hub), JANE, connections=1)
        again.remembered = kept
        tags = [tag for repository in again for tag in repository.tags]
        assert again.coverage.complete
        assert len(tags) == 40
        assert 60 < remaining[0] < 90  # only what was not known was pulled


def test_the_reserve_is_set_by_the_site_and_a_head_is_always_free() -> None:
    with DockerHubEmulator() as hub:
        hub.shelf.put("acme/web", make_image(), "v1")
        remaining = _limited(hub, 3)
        own = {"docker_hub": {**_hub(hub)["docker_hub"], "reserve": 0}}
        assert [tag.fault for repository in crawled(hub.url, own, JANE) for tag in repository.tags] == [None]
        connection, _ = connected(hub.url, {"docker_hub": {**_hub(hub)["docker_hub"], "reserve": 1}}, JANE)
        client = RegistryClient(connection)
        left = remaining[0]
        for _ in range(5):
            assert client.head_manifest("acme/web", "v1")
        with pytest.raises(RegistryError, match="are left to the clusters"):
            client.manifest("acme/web", "v1")
        assert remaining[0] == left


def test_the_pull_allowance_is_read() -> None:
    allowance = PullAllowance.read("100;w=21600", "76;w=21600")
    assert allowance == PullAllowance(76, 100, timedelta(hours=6))
    assert str(allowance) == "76 of 100 pulls left within 6 h"
    assert PullAllowance.read(None, None) is None


def test_quay_lists_active_tags_with_their_end_and_brings_them_back(monkeypatch: pytest.MonkeyPatch) -> None:
    contract = contract_of("quay-v1-openapi.yaml", greedy=["repository"])
    monkeypatch.setenv("QUAY_TOKEN", "quay-oauth-4711")
    old, new = make_image([b"old"]).digest, make_image([b"new"]).digest
    with QuayEmulator() as quay:
        settings = {"quay": {"namespaces": ["acme"], "token": {"env": "QUAY_TOKEN"}}}
        quay.repositories = {f"acme/app-{number}": [] for number in range(120)}
        quay.repositories["acme/web"] = [
            QuayTag("v1", old, expiration="Tue, 03 Mar 2026 00:00:00 -0000"),
            QuayTag("v2", new),
            QuayTag("v0", old, ended=True),
        ]
        quay.repositories["acme/many"] = [QuayTag(f"v{number}", new) for number in range(230)]
        _, provider = connected(quay.url, settings)
        assert len(provider.repositories().names) == 122
        assert len(provider.details("acme/many").images[new].tags) == 230
        images = provider.details("acme/web").images
        assert (images[old].tags, images[old].pushed_at) == (("v1",), PUSHED)
        assert "2026" in images[old].labels[0]
        deletion = deletion_at(quay.url, settings)
        assert deletion.delete_image("acme/web", old) == "accepted"
        assert set(provider.details("acme/web").images) == {new}
        restoration_at(quay.url, settings).restore_image("acme/web", old, ["v1"])
        assert provider.details("acme/web").images[old].tags == ("v1",)
        assert contract.judge(quay, of="/api/v1/") >= 8
        monkeypatch.setenv("QUAY_TOKEN", "robot-4711")
        gap = connected(quay.url, settings)[1].repositories().gap
        assert gap is not None
        assert "`repo:read`" in gap.detail


def test_azure_tells_times_and_locks_with_a_token_for_each_scope(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_SECRET", "entra-secret-4711")
    with AzureEmulator() as azure:
        settings = {"azure": {**ENTRA, "authority": azure.url}}
        locked, tagged, free = make_image([b"locked"]), make_image([b"tagged"]), make_image([b"free"])
        azure.shelf.put("team/web", locked, "v1", pushed_at="2026-02-03T04:05:06Z").locked = True
        azure.shelf.put("team/web", tagged, "stable")
        azure.shelf.put("team/web", free, "v3", "v4")
        azure.locked_tags.add("stable")
        for number in range(230):
            azure.shelf.put(f"team/app-{number:03}", make_image([b"same"]), "v1")
            azure.shelf.put("team/many", make_image([str(number).encode()]), f"v{number}")
        _, provider = connected(azure.url, settings)
        listed = provider.repositories()
        assert (len(listed.names), listed.gap) == (232, None)
        assert len(provider.details("team/many").images) == 230
        images = provider.details("team/web").images
        assert images[locked.digest].pushed_at == PUSHED.replace(microsecond=123456)
        assert images[locked.digest].protection == ("the manifest is locked (deleteEnabled: false)",)
        assert images[tagged.digest].protection == ("the tag stable is locked (deleteEnabled: false)",)
        assert images[free.digest].protection == ()
        deletion = deletion_at(azure.url, settings)
        assert deletion.remove_tag("team/web", "v3") == "accepted"
        assert provider.details("team/web").images[free.digest].tags == ("v4",)
        assert deletion.delete_image("team/web", free.digest) == "accepted"
        with pytest.raises(RegistryError, match="it is locked; unlock it"):
            deletion.delete_image("team/web", locked.digest)
        azure.locked_repositories.add("team/web")
        assert all("the repository" in one.protection[0] for one in provider.details("team/web").images.values())
        assert sign_in_to(settings_of(azure.url, settings)) == IdentityToken("refresh-4711")
        _keeps_the_models_of_azure(azure)


def test_azure_refuses_a_wrong_secret_without_repeating_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_SECRET", "wrong-4711")
    with AzureEmulator() as azure:
        gap = connected(azure.url, {"azure": {**ENTRA, "authority": azure.url}})[1].repositories().gap
        assert gap is not None
        assert gap.fault == "forbidden"
        assert "sign in to Entra" in gap.detail
        assert "4711" not in gap.detail


def _keeps_the_models_of_azure(azure: AzureEmulator) -> None:
    """Paths, queries and fields are those of Azure's generated client."""
    path = SPECS / "cloud-registries-subset.json"
    if not path.exists():
        pytest.skip("needs ../shared/fixtures/specs, which is not beside this repository")
    told = json.loads(path.read_text())["acr"]
    known = {one["path"].rpartition("/")[2]: set(one["query"]) for one in told["operations"] if "/acr/" in one["path"]}
    models = told["models"]
    for asked, reply in azure.asked:
        last = asked.path.rpartition("/")[2]
        if not asked.path.startswith("/acr/v1/") or reply.status != 200:
            continue
        assert set(asked.query) <= known.get(last, {"api-version"}), asked
        for key, model in (("manifests", "ManifestAttributesBase"), ("tags", "TagAttributesBase")):
            for entry in reply.content.get(key, ()):
                assert set(entry) <= set(models[model])
