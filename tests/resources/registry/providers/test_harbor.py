"""Harbor through its API, against an emulator that keeps Harbor's own Swagger document."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from registry_core.errors import RegistryError
from resources.registry.sign_in.login import Login
from tests.image_builder import make_image, make_multi_platform, make_referrer
from tests.resources.registry.providers.contract import contract_of
from tests.resources.registry.providers.harbor_emulator import API, HarborEmulator
from tests.resources.registry.providers.vendor_server import Asked, Reply, web_page
from tests.resources.registry.providers.vendors import ADMIN, ROBOT, connected, crawled, deletion_at


def _rule(repositories: str, tags: str, *, disabled: bool = False, excludes: bool = False) -> dict[str, Any]:
    return {
        "id": 1,
        "disabled": disabled,
        "action": "immutable",
        "template": "immutable_template",
        "tag_selectors": [{"kind": "doublestar", "decoration": "excludes" if excludes else "matches", "pattern": tags}],
        "scope_selectors": {
            "repository": [{"kind": "doublestar", "decoration": "repoMatches", "pattern": repositories}]
        },
    }


def test_names_times_labels_and_accessories_are_told(harbor: HarborEmulator) -> None:
    image, signature = make_image([b"web"]), make_referrer(make_image([b"web"]))
    stored = harbor.shelf.put("health/team/web", image, "v1", "stable", pushed_at="2026-02-03T04:05:06.789Z")
    stored.pulled_at, stored.locked = "2026-02-20T00:00:00Z", True
    harbor.shelf.put("library/never", make_image([b"never"]), "v1")
    harbor.accessories[image.digest] = [signature.digest]
    _, provider = connected(harbor.url, "harbor", ROBOT)
    assert provider.repositories().names == ("health/team/web", "library/never")
    details = provider.details("health/team/web")
    detail = details.images[image.digest]
    assert detail.tags == ("v1", "stable")
    assert detail.pushed_at == datetime(2026, 2, 3, 4, 5, 6, 789_000, UTC)
    assert detail.pulled_at == datetime(2026, 2, 20, tzinfo=UTC)
    assert detail.labels == ("keep",)
    assert signature.digest in details.images
    assert all(one.pulled_at is None for one in provider.details("library/never").images.values())


def test_a_repository_with_slashes_is_encoded_twice(harbor: HarborEmulator) -> None:
    harbor.shelf.put("health/a/b/web", make_image(), "v1")
    assert connected(harbor.url, "harbor", ROBOT)[1].details("health/a/b/web").images
    assert f"{API}/projects/health/repositories/a%252Fb%252Fweb/artifacts" in harbor.paths()


def test_requests_and_answers_keep_harbors_own_document(harbor: HarborEmulator) -> None:
    contract = contract_of("harbor-swagger-v2.0.prism.yaml", prefix=API)
    image, other = make_image([b"1"]), make_image([b"2"])
    harbor.shelf.put("health/a/web", image, "v1", "v2")
    harbor.shelf.put("health/a/web", other, "v3")
    harbor.rules["health"] = [_rule("**", "release-*")]
    harbor.retention["health"] = {"id": 1, "algorithm": "or", "rules": []}
    _, provider = connected(harbor.url, "harbor", ROBOT)
    for name in provider.repositories().names:
        assert provider.details(name).gap is None
    deletion = deletion_at(harbor.url, "harbor", ADMIN)
    deletion.remove_tag("health/a/web", "v1")
    deletion.delete_image("health/a/web", other.digest)
    assert contract.judge(harbor, of=API) >= 8
    odd = Asked("GET", f"{API}/projects", {"page_size": "500", "pages": "1"}, {}, b"")
    said = list(contract.violations(odd, Reply(200, [{"project_id": "one"}])))
    assert len(said) == 3, said


def test_every_page_is_read_and_no_page_is_larger_than_a_hundred(harbor: HarborEmulator) -> None:
    for number in range(230):
        harbor.shelf.put(f"p-{number}/app", make_image([b"same"]), "v1")
        harbor.shelf.put("health/many", make_image([str(number).encode()]), f"v{number}")
    _, provider = connected(harbor.url, "harbor", ROBOT)
    assert len(provider.repositories().names) == 231
    assert len(provider.details("health/many").images) == 230
    sizes = {asked.query["page_size"] for asked, _ in harbor.asked if "page_size" in asked.query}
    assert sizes == {"100"}


def test_an_artifact_that_vanishes_between_pages_hides_no_other(harbor: HarborEmulator) -> None:
    images = [make_image([str(number).encode()]) for number in range(230)]
    for number, image in enumerate(images):
        harbor.shelf.put("health/web", image, f"v{number}")

    def vanish(asked: Asked) -> Reply | None:
        if asked.path.endswith("/artifacts") and asked.query.get("page") == "2":
            harbor.shelf.repositories["health/web"][images[-1].digest].deleted = True  # the newest, on page 1
        return None

    harbor.faults.append(vanish)
    details = connected(harbor.url, "harbor", ROBOT)[1].details("health/web")
    assert details.gap is None
    assert {image.digest for image in images[:-1]} <= set(details.images)


def test_a_list_that_never_holds_still_is_a_gap(harbor: HarborEmulator) -> None:
    for number in range(230):
        harbor.shelf.put("health/web", make_image([str(number).encode()]), f"v{number}")

    def grow(asked: Asked) -> Reply | None:
        if asked.path.endswith("/artifacts") and asked.query.get("page") == "2":
            harbor.shelf.put("health/web", make_image([f"new {harbor.count}".encode()]))
        return None

    harbor.faults.append(grow)
    details = connected(harbor.url, "harbor", ROBOT)[1].details("health/web")
    assert len(details.images) >= 230
    assert details.gap is not None
    assert "the list changed each time" in details.gap.detail


def test_immutable_tags_and_retention_are_seen_as_protection(harbor: HarborEmulator) -> None:
    release, build = make_image([b"release"]), make_image([b"build"])
    harbor.shelf.put("health/web", release, "release-1")
    harbor.shelf.put("health/web", build, "build-1")
    harbor.immutable.add(("health/web", "release-1"))
    harbor.rules["health"] = [
        _rule("**", "{release,stable}-*"),
        _rule("**", "**", disabled=True),
        _rule("other", "**"),
    ]
    harbor.retention["health"] = {
        "id": 1,
        "rules": [
            {**_rule("web", "release-*"), "action": "retain", "template": "always"},
            {**_rule("web", "**"), "action": "retain", "template": "latestPushedK"},
        ],
    }
    images = connected(harbor.url, "harbor", ROBOT)[1].details("health/web").images
    assert images[build.digest].protection == ()
    assert images[release.digest].protection == (
        "immutable tag: release-1",
        "immutable tag rule {release,stable}-*: release-1",
        "retention rule (always) release-*: release-1",
    )


def test_a_rule_beyond_our_globs_protects(harbor: HarborEmulator) -> None:
    harbor.shelf.put("health/web", make_image(), "v1")
    harbor.rules["health"] = [_rule("**", "v[0-9]")]
    (image,) = connected(harbor.url, "harbor", ROBOT)[1].details("health/web").images.values()
    assert image.protection


def test_a_robot_that_may_not_read_the_rules_still_reads_the_artifacts(harbor: HarborEmulator) -> None:
    harbor.shelf.put("health/web", make_image(), "v1")
    harbor.fail(lambda asked: asked.path.endswith("immutabletagrules"), Reply(403, {"errors": []}), times=9)
    details = connected(harbor.url, "harbor", ROBOT)[1].details("health/web")
    assert details.images
    assert details.gap is None


def test_an_artifact_and_a_tag_are_deleted_apart(harbor: HarborEmulator) -> None:
    image = make_image([b"web"])
    harbor.shelf.put("health/a/web", image, "v1", "v2")
    deletion = deletion_at(harbor.url, "harbor", ROBOT)
    assert deletion.remove_tag("health/a/web", "v1") == "accepted"
    assert harbor.shelf.live("health/a/web")[0].tags == ["v2"]
    assert deletion.remove_tag("health/a/web", "v1") == "not there"
    assert deletion.delete_image("health/a/web", image.digest) == "accepted"
    assert harbor.shelf.live("health/a/web") == []
    assert deletion.delete_image("health/a/web", image.digest) == "not there"


def test_an_image_is_never_deleted_by_a_tag(harbor: HarborEmulator) -> None:
    harbor.shelf.put("health/web", make_image(), "v1")
    with pytest.raises(ValueError, match="is no digest"):
        deletion_at(harbor.url, "harbor", ROBOT).delete_image("health/web", "v1")
    assert harbor.paths("DELETE") == []


def test_412_is_told_with_its_reason(harbor: HarborEmulator) -> None:
    index, immutable = make_multi_platform(), make_image([b"immutable"])
    harbor.shelf.put("health/web", index, "v1")
    harbor.shelf.put("health/web", immutable, "v2")
    harbor.immutable.add(("health/web", "v2"))
    deletion = deletion_at(harbor.url, "harbor", ROBOT)
    for digest, said in ((index.children[0].digest, "is referenced by"), (immutable.digest, "immutable tag")):
        with pytest.raises(RegistryError, match=said) as caught:
            deletion.delete_image("health/web", digest)
        assert (caught.value.fault, caught.value.status) == ("forbidden", 412)
        assert "child of an index" in str(caught.value)


def test_a_crawl_takes_the_times_and_the_untagged(harbor: HarborEmulator) -> None:
    image, untagged = make_image([b"tagged"]), make_image([b"untagged"])
    stored = harbor.shelf.put("health/web", image, "v1", pushed_at="2026-02-03T04:05:06Z")
    stored.pulled_at = "2026-02-20T00:00:00Z"
    harbor.shelf.put("health/web", untagged)
    crawl = crawled(harbor.url, "harbor", ROBOT)
    (repository,) = crawl
    seen = {one.digest: one for one in repository.images}
    assert seen[untagged.digest].found_by == "digest"
    assert seen[image.digest].pulled_at == datetime(2026, 2, 20, tzinfo=UTC)
    assert crawl.coverage.complete


def test_a_wrong_secret_is_told_without_it(harbor: HarborEmulator) -> None:
    harbor.shelf.put("health/web", make_image(), "v1")
    listed = connected(harbor.url, "harbor", Login("robot$pipelines", "wrong-4711"))[1].repositories()
    assert listed.gap is not None
    assert listed.gap.fault == "forbidden"
    assert "robot account has expired" in listed.gap.detail
    assert "4711" not in listed.gap.detail


def test_a_project_that_does_not_exist_is_one_sentence(harbor: HarborEmulator) -> None:
    harbor.shelf.put("health/web", make_image(), "v1")
    listed = connected(harbor.url, {"harbor": {"projects": ["health", "heatlh"]}}, ROBOT)[1].repositories()
    assert listed.names == ("health/web",)
    assert listed.gap is not None
    assert listed.gap.fault == "missing"
    assert "project heatlh" in listed.gap.detail


def test_a_web_page_of_a_proxy_is_named_as_one(harbor: HarborEmulator) -> None:
    harbor.shelf.put("health/web", make_image(), "v1")
    harbor.fail(lambda asked: asked.path == f"{API}/projects", web_page(), times=9)
    gap = connected(harbor.url, "harbor", ROBOT)[1].repositories().gap
    assert gap is not None
    assert gap.fault == "unreachable"
    assert "a web page came" in gap.detail


def test_rules_that_cannot_be_read_are_tried_once_and_make_a_gap(harbor: HarborEmulator) -> None:
    for number in range(5):
        harbor.shelf.put(f"health/app-{number}", make_image([b"same"]), "v1")
    harbor.fail(lambda asked: asked.path.endswith("immutabletagrules"), Reply(500, {"errors": []}), times=99)
    _, provider = connected(harbor.url, "harbor", ROBOT, retries=0)
    for number in range(5):
        details = provider.details(f"health/app-{number}")
        assert details.images
        assert details.gap is not None
    assert sum(path.endswith("immutabletagrules") for path in harbor.paths()) == 1
