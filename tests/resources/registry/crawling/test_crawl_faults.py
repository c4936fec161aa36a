"""Crawls of registries that fail: honest rows, honest gaps, and an end in good time."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from registry_core.catalog import ManifestFacts, RepositoryCrawled
from registry_core.catalog_gaps import LIST_OF_REPOSITORIES
from registry_core.media_types import OCI_INDEX
from resources.configuration.registry_settings import RegistrySettings
from resources.registry import RegistryConnection
from resources.registry.crawling.crawl import Crawl
from resources.registry.crawling.memory import NothingRemembered
from tests.resources.registry.conftest import connection_to
from tests.resources.registry.faulty_registry import (
    Asked,
    FaultyRegistry,
    Reply,
    digest_of,
    error_reply,
    html_reply,
    image,
    json_reply,
    manifest_reply,
)
from tests.resources.registry.kept import Kept

_AS_OF = datetime(2026, 3, 1, tzinfo=UTC)


def _crawl(url: str, **settings: object) -> tuple[Crawl, dict[str, RepositoryCrawled]]:
    crawl = Crawl(connection_to(url, **settings), _AS_OF)
    return crawl, {one.repository: one for one in crawl}


def _catalog(faulty: FaultyRegistry, *names: str) -> None:
    faulty.on("GET", "/v2/_catalog", json_reply({"repositories": list(names)}))
    for number, name in enumerate(names):
        faulty.holds(name, {"v1": image(serial=number), "v2": image(serial=number + 1000)})


def test_a_tag_that_is_listed_and_then_gone_is_missing_and_the_rest_complete(faulty: FaultyRegistry) -> None:
    _catalog(faulty, "team/app")
    faulty.on("GET", "/v2/team/app/manifests/v1", error_reply(404, "MANIFEST_UNKNOWN"))
    crawl, found = _crawl(faulty.url)
    by_tag = {tag.tag: tag for tag in found["team/app"].tags}
    assert (by_tag["v1"].digest, by_tag["v1"].fault) == (None, "missing")
    assert by_tag["v2"].fault is None
    assert crawl.coverage.complete


@pytest.mark.parametrize(
    ("reply", "fault"),
    [
        (manifest_reply(image(), digest=digest_of(b"other")), "corrupt"),
        (error_reply(403, "DENIED"), "forbidden"),
        (error_reply(500, "UNKNOWN"), "unreachable"),
        (html_reply(), "unreachable"),
        (Reply(drop=True), "unreachable"),
        (Reply(200, image(), {"Content-Type": "application/json"}, cut_after=10), "unreachable"),
        (error_reply(429, "TOOMANYREQUESTS", **{"Retry-After": "3600"}), "throttled"),
    ],
)
def test_a_tag_that_cannot_be_read_is_a_row_with_its_fault(faulty: FaultyRegistry, reply: Reply, fault: str) -> None:
    _catalog(faulty, "team/app")
    faulty.on("GET", "/v2/team/app/manifests/v2", reply)
    crawl, found = _crawl(faulty.url, connections=1)
    by_tag = {tag.tag: tag for tag in found["team/app"].tags}
    assert by_tag["v1"].fault is None
    assert (by_tag["v2"].digest, by_tag["v2"].fault) == (None, fault)
    assert "manifest v2 of team/app" in by_tag["v2"].detail
    assert crawl.coverage.complete == (fault == "corrupt")
    assert [gap.fault for gap in crawl.coverage.gaps] == ([] if fault == "corrupt" else [fault])


def test_a_body_that_is_no_manifest_is_an_image_that_is_corrupt(faulty: FaultyRegistry) -> None:
    _catalog(faulty, "team/app")
    faulty.on("GET", "/v2/team/app/manifests/v1", manifest_reply(b"\x00\x01 no json"))
    crawl, found = _crawl(faulty.url)
    digest = digest_of(b"\x00\x01 no json")
    assert {tag.digest for tag in found["team/app"].tags if tag.tag == "v1"} == {digest}
    assert {one.fault for one in found["team/app"].images if one.digest == digest} == {"corrupt"}
    assert crawl.coverage.complete


def test_a_manifest_of_a_type_that_nobody_knows_is_kept(faulty: FaultyRegistry) -> None:
    _catalog(faulty, "team/app")
    body = b'{"mediaType":"application/vnd.future+json","stars":7}'
    faulty.on("GET", "/v2/team/app/manifests/v1", manifest_reply(body, "application/vnd.future+json"))
    crawl, found = _crawl(faulty.url)
    assert body in {facts.document for facts in found["team/app"].manifests}
    assert all(tag.fault is None for tag in found["team/app"].tags)
    assert crawl.coverage.complete


def test_a_child_that_the_registry_lost_is_a_row_and_no_gap(faulty: FaultyRegistry) -> None:
    child = image(serial=1)
    lost = digest_of(b"lost")
    entries = [{"mediaType": "x", "digest": digest, "size": 1} for digest in (digest_of(child), lost, "md5:abc")]
    index = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}).encode()
    _catalog(faulty, "team/app")
    faulty.on("GET", "/v2/team/app/manifests/v1", manifest_reply(index, OCI_INDEX))
    faulty.on("GET", f"/v2/team/app/manifests/{digest_of(child)}", manifest_reply(child))
    crawl, found = _crawl(faulty.url)
    faults = {one.digest: one.fault for one in found["team/app"].images if one.found_by == "child"}
    assert faults == {digest_of(child): None, lost: "missing", "md5:abc": "corrupt"}
    assert crawl.coverage.complete


@pytest.mark.parametrize(
    ("reply", "fault", "complete"),
    [
        (error_reply(404, "BLOB_UNKNOWN"), "missing", True),
        (Reply(200, b"other bytes"), "corrupt", True),
        (error_reply(500, "UNKNOWN"), "unreachable", False),
    ],
)
def test_a_config_that_cannot_be_read_leaves_the_image_with_its_fault(
    faulty: FaultyRegistry, reply: Reply, fault: str, complete: bool
) -> None:
    _catalog(faulty, "team/app")
    config = b'{"os":"linux","architecture":"amd64"}'
    faulty.on("GET", f"/v2/team/app/blobs/{digest_of(config)}", reply)
    crawl, found = _crawl(faulty.url)
    images = found["team/app"].images
    assert {(one.fault, one.config_fault, one.detail[:8]) for one in images} == {(None, fault, "config: ")}
    assert not any(facts.config_read for facts in found["team/app"].manifests)
    assert crawl.coverage.complete == complete


def test_a_repository_that_cannot_be_listed_is_a_gap_and_the_others_are_read(faulty: FaultyRegistry) -> None:
    _catalog(faulty, "a", "b", "c")
    faulty.on("GET", "/v2/b/tags/list", error_reply(403, "DENIED", "not yours"))
    crawl, found = _crawl(faulty.url)
    assert (len(found["a"].tags), len(found["c"].tags)) == (2, 2)
    gap = found["b"].gap
    assert gap is not None
    assert (gap.place, gap.fault, gap.excused) == ("b", "forbidden", False)
    assert "not yours" in gap.detail
    assert (crawl.coverage.asked, crawl.coverage.answered) == (4, 3)
    assert crawl.coverage.gaps == (gap,)


def test_a_registry_that_goes_down_in_the_middle_ends_soon_with_a_gap_for_each_repository() -> None:
    with FaultyRegistry() as faulty:
        names = [f"app-{number:03d}" for number in range(200)]
        _catalog(faulty, *names)
        crawl = Crawl(connection_to(faulty.url, connections=4), _AS_OF)
        found = {}
        began = None
        for one in crawl:
            found[one.repository] = one
            if len(found) == 20:
                faulty.__exit__(None, None, None)
                for path in list(faulty._scripts):
                    faulty._scripts[path] = [Reply(drop=True)]
                began = time.monotonic()
        assert began is not None
        assert time.monotonic() - began < 20
        faulty.__enter__ = lambda: faulty  # type: ignore[method-assign]
    assert set(found) == set(names)
    unread = [one for one in found.values() if one.gap is not None]
    assert len(unread) >= 150
    assert {one.gap.fault for one in unread if one.gap} == {"unreachable"}
    assert len(crawl.coverage.gaps) == len(unread)


def test_a_registry_that_is_down_from_the_start_is_one_gap() -> None:
    with FaultyRegistry() as registry:
        url = registry.url
    crawl, found = _crawl(url)
    assert found == {}
    (gap,) = crawl.coverage.gaps
    assert (gap.place, gap.fault) == ("list of repositories", "unreachable")
    assert not crawl.coverage.complete


def test_a_registry_that_fails_all_the_time_is_not_asked_five_times_for_everything(faulty: FaultyRegistry) -> None:
    names = [f"app-{number:03d}" for number in range(600)]
    faulty.on("GET", "/v2/_catalog", json_reply({"repositories": names}))
    for name in names:
        faulty.on("GET", f"/v2/{name}/tags/list", error_reply(500, "UNKNOWN"))
    began = time.monotonic()
    crawl, found = _crawl(faulty.url, retries=4, connections=64)
    assert time.monotonic() - began < 30
    assert len(faulty.asked) <= 1 + 600 + 210
    assert {one.gap.fault for one in found.values() if one.gap} == {"unreachable"}
    assert len(crawl.coverage.gaps) == 600


@pytest.mark.parametrize("status", [401, 403, 404, 405])
def test_a_registry_without_a_catalog_is_read_by_the_names_it_is_given(faulty: FaultyRegistry, status: int) -> None:
    faulty.on("GET", "/v2/_catalog", error_reply(status, "UNSUPPORTED"))
    faulty.holds("team/app", {"v1": image()})
    faulty.holds("team/used", {"v1": image()})
    connection = connection_to(faulty.url, repositories=("team/app",))
    crawl = Crawl(connection, _AS_OF, in_use={"team/used": (), "team/gone": ()})
    found = {one.repository: one for one in crawl}
    assert (len(found["team/app"].tags), len(found["team/used"].tags)) == (1, 1)
    assert found["team/gone"].gap is None  # a reference to nothing is the health report's matter
    assert crawl.coverage.complete


def test_an_empty_catalog_is_read_by_the_names_it_is_given(faulty: FaultyRegistry) -> None:
    faulty.on("GET", "/v2/_catalog", json_reply({"repositories": []}))
    faulty.holds("team/used", {"v1": image()})
    assert [one.repository for one in Crawl(connection_to(faulty.url), _AS_OF, in_use={"team/used": ()})] == [
        "team/used"
    ]


def test_a_registry_that_nothing_lists_is_a_gap_that_says_what_to_do(faulty: FaultyRegistry) -> None:
    crawl, found = _crawl(faulty.url)
    assert found == {}
    (gap,) = crawl.coverage.unexcused
    assert gap.fault == "missing"
    assert "name its repositories in `repositories`" in gap.detail


def test_a_registry_that_says_that_it_is_empty_is_complete_with_a_hint(faulty: FaultyRegistry) -> None:
    faulty.on("GET", "/v2/_catalog", json_reply({"repositories": []}))
    crawl, _ = _crawl(faulty.url)
    assert crawl.coverage.complete
    assert "name them in `repositories`" in crawl.coverage.gaps[0].detail


def test_a_catalog_that_failed_in_the_middle_is_never_a_complete_crawl(faulty: FaultyRegistry) -> None:
    faulty.holds("team/app", {"v1": image()})
    faulty.on(
        "GET",
        "/v2/_catalog",
        json_reply({"repositories": ["team/app"]}, Link='</v2/_catalog?last=x>; rel="next"'),
        error_reply(500, "UNKNOWN"),
    )
    crawl, found = _crawl(faulty.url, repositories=("team/app",))
    assert len(found["team/app"].tags) == 1
    assert [gap.fault for gap in crawl.coverage.unexcused] == ["unreachable"]


def test_a_configured_repository_that_is_not_there_is_a_gap(faulty: FaultyRegistry) -> None:
    _catalog(faulty, "team/app")
    crawl, _ = _crawl(faulty.url, repositories=("team/typo",))
    (gap,) = crawl.coverage.gaps
    assert (gap.place, gap.fault) == ("team/typo", "missing")
    assert "correct or remove it" in gap.detail


def test_throttling_in_the_middle_is_waited_for(faulty: FaultyRegistry) -> None:
    _catalog(faulty, "a", "b", "c")
    busy = error_reply(429, "TOOMANYREQUESTS", **{"Retry-After": "1"})
    faulty.on("GET", "/v2/b/manifests/v1", busy, busy, manifest_reply(image(serial=1)))
    crawl, found = _crawl(faulty.url)
    assert crawl.coverage.complete
    assert all(tag.fault is None for one in found.values() for tag in one.tags)


def test_a_referrers_api_that_lists_anything_adds_nothing(faulty: FaultyRegistry) -> None:
    subject, stranger = image(serial=1), image(serial=2)
    faulty.on("GET", "/v2/_catalog", json_reply({"repositories": ["team/app"]}))
    faulty.holds("team/app", {"v1": subject})
    faulty.on("GET", f"/v2/team/app/manifests/{digest_of(stranger)}", manifest_reply(stranger))
    entries = [{"mediaType": "x", "digest": digest_of(stranger), "size": len(stranger)}]
    listed = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}).encode()
    faulty.on("GET", f"/v2/team/app/referrers/{digest_of(subject)}", manifest_reply(listed, OCI_INDEX))
    _, found = _crawl(faulty.url)
    assert [one.digest for one in found["team/app"].images] == [digest_of(subject)]


def test_whether_there_is_a_referrers_api_is_asked_once(faulty: FaultyRegistry) -> None:
    _catalog(faulty, *(f"app-{number}" for number in range(20)))
    crawl, _ = _crawl(faulty.url, connections=8)
    assert sum("/referrers/" in path for path in faulty.paths()) == 1
    assert crawl.coverage.complete


def test_a_child_known_from_another_repository_is_looked_for_in_this_one(faulty: FaultyRegistry) -> None:
    child = image(serial=1)
    entries = [{"mediaType": "x", "digest": digest_of(child), "size": len(child)}]
    index = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}).encode()
    kept = Kept()
    for digest, body, children in ((digest_of(child), child, ()), (digest_of(index), index, (digest_of(child),))):
        kept.manifests[digest] = ManifestFacts(digest, "x", body, children=children, config_read=True)
    faulty.on("GET", "/v2/_catalog", json_reply({"repositories": ["team/app"]}))
    faulty.on("GET", "/v2/team/app/tags/list", json_reply({"tags": ["v1"]}))
    faulty.on("GET", "/v2/team/app/manifests/v1", manifest_reply(index, OCI_INDEX))
    (found,) = list(Crawl(connection_to(faulty.url), _AS_OF, remembered=kept))
    assert {one.digest: one.fault for one in found.images} == {digest_of(index): None, digest_of(child): "missing"}
    assert found.manifests == ()


def test_an_error_of_our_own_fails_the_crawl_and_does_not_end_it_early_and_green(faulty: FaultyRegistry) -> None:
    class Broken(NothingRemembered):
        def digests_of(self, repository: str) -> Mapping[str, str]:
            if repository == "b":
                raise ZeroDivisionError("a bug")
            return {}

    _catalog(faulty, "a", "b", "c")
    crawl = Crawl(connection_to(faulty.url), _AS_OF, remembered=Broken())
    with pytest.raises(ZeroDivisionError, match="a bug"):
        list(crawl)
    assert not crawl.coverage.complete


def test_a_password_that_expires_in_the_middle_is_forbidden_and_soon_told(faulty: FaultyRegistry) -> None:
    _catalog(faulty, "a", "b")

    def locked(asked: Asked) -> Reply:
        return error_reply(401, "UNAUTHORIZED", **{"WWW-Authenticate": "Basic realm=x"})

    faulty.on("GET", "/v2/b/tags/list", locked)
    settings = RegistrySettings(url=faulty.url, timeout=timedelta(seconds=5))
    crawl = Crawl(RegistryConnection("test", settings), _AS_OF)
    found = {one.repository: one for one in crawl}
    gap = found["b"].gap
    assert gap is not None
    assert gap.fault == "forbidden"


@pytest.mark.parametrize(("status", "code"), [(400, "NAME_INVALID"), (409, "X"), (412, "X"), (423, "X")])
def test_a_list_of_repositories_whose_request_is_refused_is_a_gap_and_not_hidden(
    faulty: FaultyRegistry, status: int, code: str
) -> None:
    faulty.on("GET", "/v2/_catalog", error_reply(status, code))
    crawl = Crawl(connection_to(faulty.url), as_of=datetime.now(UTC), in_use={"team/app": ()})
    list(crawl)
    (gap,) = [gap for gap in crawl.coverage.gaps if gap.place == LIST_OF_REPOSITORIES]
    assert (gap.fault, gap.excused) == ("forbidden", False)
