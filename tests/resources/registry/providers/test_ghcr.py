"""GHCR through GitHub's packages API, against an emulator that keeps GitHub's own OpenAPI document."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from registry_core.errors import RegistryError
from tests.image_builder import make_image, make_multi_platform, make_referrer
from tests.resources.registry.providers.contract import contract_of
from tests.resources.registry.providers.ghcr_emulator import GhcrEmulator, Limit
from tests.resources.registry.providers.vendor_server import Asked, Reply, web_page
from tests.resources.registry.providers.vendors import connected, crawled, deletion_at, restoration_at


def _ghcr(github: GhcrEmulator, **keywords: Any) -> dict[str, Any]:
    return {"ghcr": {"owner": "acme", "api": github.url, "token": {"env": "GITHUB_TOKEN"}, **keywords}}


def _janitor(github: GhcrEmulator) -> dict[str, Any]:
    return _ghcr(github, token={"env": "GITHUB_JANITOR"})


def test_a_version_is_a_manifest_with_all_its_tags_and_its_time(github: GhcrEmulator) -> None:
    image = make_image([b"web"])
    github.shelf.put("acme/health/web", image, "v1", "stable", pushed_at="2026-02-03T04:05:06Z")
    _, provider = connected(github.url, _ghcr(github))
    assert provider.repositories().names == ("acme/health/web",)
    (detail,) = provider.details("acme/health/web").images.values()
    assert (detail.digest, detail.tags) == (image.digest, ("v1", "stable"))
    assert detail.pushed_at == datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)
    assert any("/packages/container/health%2Fweb/versions" in path for path in github.paths())


def test_requests_and_answers_keep_githubs_own_document(github: GhcrEmulator) -> None:
    contract = contract_of("github-packages-openapi.json")
    first, second = make_image([b"1"]), make_image([b"2"])
    github.owners["jane"], github.login = "User", "jane"
    for owner in ("acme", "jane"):
        github.shelf.put(f"{owner}/a/web", first, "v1")
        github.shelf.put(f"{owner}/a/web", second, "v2")
    for owner in ("acme", "jane"):
        _, provider = connected(github.url, _ghcr(github, owner=owner))
        assert provider.details(provider.repositories().names[0]).gap is None
    deletion = deletion_at(github.url, _janitor(github))
    assert deletion.delete_image("acme/a/web", first.digest) == "accepted"
    restoration_at(github.url, _janitor(github)).restore_image("acme/a/web", first.digest, ["v1"])
    judged = contract.judge(github, of="/orgs") + contract.judge(github, of="/user")
    assert judged >= 8
    # The judge can say no: an unknown parameter, a wrong size, a missing field.
    odd = Asked("GET", "/orgs/acme/packages", {"package_type": "container", "pages": "1", "per_page": "many"}, {}, b"")
    said = list(contract.violations(odd, Reply(200, [{"id": 1}])))
    assert len(said) > 2


def test_a_users_packages_are_listed_as_an_organizations_are(github: GhcrEmulator) -> None:
    github.owners["jane"] = "User"
    github.shelf.put("jane/web", make_image(), "v1")
    assert connected(github.url, _ghcr(github, owner="jane"))[1].repositories().names == ("jane/web",)
    assert "/users/jane/packages" in github.paths()
    named = connected(github.url, _ghcr(github, owner="jane", kind="user"))[1]
    before = github.paths().count("/users/jane")
    assert named.repositories().names == ("jane/web",)
    assert github.paths().count("/users/jane") == before  # what the settings say is not asked


def test_every_page_of_packages_and_of_versions_is_read(github: GhcrEmulator) -> None:
    for number in range(230):
        github.shelf.put(f"acme/app-{number:03}", make_image([b"same"]), "v1")
        github.shelf.put("acme/many", make_image([str(number).encode()]), f"v{number}")
    _, provider = connected(github.url, _ghcr(github))
    assert len(provider.repositories().names) == 231
    assert len(provider.details("acme/many").images) == 230


def test_a_proxy_that_strips_link_does_not_shorten_a_list(github: GhcrEmulator) -> None:
    for number in range(230):
        github.shelf.put(f"acme/app-{number:03}", make_image([b"same"]), "v1")
    whole = github.answer

    def stripped(asked: Asked) -> Reply:
        reply = whole(asked)
        reply.headers.pop("Link", None)
        return reply

    github.answer = stripped  # type: ignore[method-assign]
    assert len(connected(github.url, _ghcr(github))[1].repositories().names) == 230


def test_a_package_that_vanishes_between_pages_hides_no_other(github: GhcrEmulator) -> None:
    for number in range(230):
        github.shelf.put(f"acme/app-{number:03}", make_image([b"same"]), "v1")

    def vanish(asked: Asked) -> Reply | None:
        if (
            asked.path.endswith("/packages")
            and asked.query.get("page") == "2"
            and "acme/app-000" in github.shelf.repositories
        ):
            github.shelf.repositories.pop("acme/app-000")  # what was first on page 2 moves to page 1
        return None

    github.faults.append(vanish)
    listed = connected(github.url, _ghcr(github))[1].repositories()
    assert listed.gap is None
    assert {f"acme/app-{number:03}" for number in range(1, 230)} <= set(listed.names)


def test_a_package_that_vanishes_after_it_was_listed_is_gone_and_no_gap(github: GhcrEmulator) -> None:
    github.shelf.put("acme/stays", make_image([b"stays"]), "v1")
    github.shelf.put("acme/goes", make_image([b"goes"]), "v1")

    def vanish(asked: Asked) -> Reply | None:
        if asked.path.startswith("/v2/"):
            github.shelf.repositories.pop("acme/goes", None)
        return None

    github.faults.append(vanish)
    crawl = crawled(github.url, _ghcr(github))
    found = {one.repository: one for one in crawl}
    assert crawl.coverage.complete
    assert not found["acme/goes"].tags
    assert found["acme/stays"].tags


def test_bare_referrers_are_found_by_reading_subjects(github: GhcrEmulator) -> None:
    image = make_multi_platform()
    signature = make_referrer(image)
    github.shelf.put("acme/web", image, "v1", pushed_at="2026-02-03T04:05:06Z")
    github.shelf.put("acme/web", signature)
    lonely = make_image([b"untagged"])
    github.shelf.put("acme/web", lonely)
    crawl = crawled(github.url, _ghcr(github))
    (repository,) = crawl
    how = {seen.digest: seen.found_by for seen in repository.images}
    assert how[signature.digest] == "referrer"
    assert how[lonely.digest] == "digest"
    assert {how[child.digest] for child in image.children} == {"child"}
    facts = {one.digest: one for one in repository.manifests}
    assert facts[signature.digest].subject == image.digest
    pushed = {seen.digest: seen.pushed_at for seen in repository.images}
    assert pushed[image.digest] == datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)
    assert all(pushed.values())
    assert crawl.coverage.complete


def test_deleting_a_version_takes_its_tags_and_it_can_be_restored(github: GhcrEmulator) -> None:
    old, new = make_image([b"old"]), make_image([b"new"])
    github.shelf.put("acme/web", old, "v1", "v1.0")
    github.shelf.put("acme/web", new, "v2")
    deletion = deletion_at(github.url, _janitor(github))
    _, provider = connected(github.url, _ghcr(github))
    assert deletion.delete_image("acme/web", old.digest) == "accepted"
    assert set(provider.details("acme/web").images) == {new.digest}
    assert deletion.delete_image("acme/web", old.digest) == "not there"
    restoration = restoration_at(github.url, _janitor(github))
    restoration.restore_image("acme/web", old.digest, ["v1", "v1.0"])
    assert provider.details("acme/web").images[old.digest].tags == ("v1", "v1.0")
    with pytest.raises(RegistryError, match="not among the deleted versions"):
        restoration.restore_image("acme/web", old.digest, ["v1"])
    with pytest.raises(RegistryError, match="cannot remove a single tag"):
        deletion.remove_tag("acme/web", "v1")


@pytest.mark.parametrize(
    ("downloads", "others", "said"), [(5001, True, "ask GitHub support"), (1, False, "delete the package itself")]
)
def test_what_github_will_not_delete_is_told_as_such(
    github: GhcrEmulator, downloads: int, others: bool, said: str
) -> None:
    stored = github.shelf.put("acme/web", make_image([b"old"]), "v1")
    stored.downloads = downloads
    if others:
        github.shelf.put("acme/web", make_image([b"new"]), "v2")
    with pytest.raises(RegistryError, match=said) as caught:
        deletion_at(github.url, _janitor(github)).delete_image("acme/web", stored.digest)
    assert (caught.value.fault, caught.value.retryable) == ("forbidden", False)


@pytest.mark.parametrize(("deleting", "scope"), [(False, "read:packages"), (True, "delete:packages")])
def test_a_token_without_scope_is_told_which_one(github: GhcrEmulator, deleting: bool, scope: str) -> None:
    image = make_image()
    github.shelf.put("acme/web", image, "v1")
    github.scopes["ghp_reader_4711"] = {"read:packages"} if deleting else {"repo"}
    if deleting:
        with pytest.raises(RegistryError, match=f"`{scope}`"):
            deletion_at(github.url, _ghcr(github)).delete_image("acme/web", image.digest)
        return
    crawl = crawled(github.url, _ghcr(github), repositories=["acme/web"])
    (repository,) = crawl
    assert repository.tags  # by the OCI API
    assert not crawl.coverage.complete
    gap = crawl.coverage.unexcused[0]
    assert (gap.fault, gap.detail.count(". ")) == ("forbidden", 0)
    assert f"`{scope}`" in gap.detail
    assert "4711" not in gap.detail


def test_an_organization_that_does_not_exist_is_one_sentence(github: GhcrEmulator) -> None:
    crawl = crawled(github.url, _ghcr(github, owner="acne"))
    assert list(crawl) == []
    (gap,) = crawl.coverage.unexcused
    assert gap.fault == "missing"
    assert "find the owner acne" in gap.detail
    assert "check `owner`" in gap.detail


def test_a_short_limit_is_waited_for(github: GhcrEmulator) -> None:
    for number in range(6):
        github.shelf.put(f"acme/app-{number}", make_image([b"same"]), "v1")
    github.limit = Limit(left=4)
    crawl = crawled(github.url, _ghcr(github))
    assert len(list(crawl)) == 6
    assert crawl.coverage.complete


def test_a_secondary_limit_is_waited_for_as_long_as_it_says(github: GhcrEmulator) -> None:
    github.shelf.put("acme/web", make_image(), "v1")
    slow = Reply(403, {"message": "You have exceeded a secondary rate limit."}, headers={"Retry-After": "1"})
    github.fail(lambda asked: asked.path.endswith("/packages"), slow)
    begun = time.monotonic()
    assert connected(github.url, _ghcr(github))[1].repositories().names == ("acme/web",)
    assert time.monotonic() - begun >= 1


def test_a_limit_of_an_hour_keeps_what_was_read_and_says_until_when(github: GhcrEmulator) -> None:
    for number in range(40):
        github.shelf.put(f"acme/app-{number:02}", make_image([b"same"]), "v1")
    until = time.time() + 3600
    github.limit = Limit(left=12, resets_at=until)
    crawl = crawled(github.url, _ghcr(github))
    begun = time.monotonic()
    found = list(crawl)
    assert time.monotonic() - begun < 20
    assert len(found) == 40
    assert all(one.tags for one in found)  # the registry itself was read whole
    timed = [one for one in found if all(seen.pushed_at for seen in one.images)]
    assert 1 <= len(timed) <= 12
    assert not crawl.coverage.complete
    gaps = crawl.coverage.unexcused
    assert {gap.fault for gap in gaps} == {"throttled"}
    assert f"until {datetime.fromtimestamp(until + 1, UTC):%Y-%m-%d %H:%M:%S} UTC" in gaps[0].detail
    asked = sum("/packages" in path for path in github.paths())
    assert asked < 40  # who is told to come back later does not go on asking
    github.limit = None
    again = crawled(github.url, _ghcr(github))
    assert all(seen.pushed_at for one in again for seen in one.images)
    assert again.coverage.complete


def test_a_web_page_of_a_proxy_is_named_as_one(github: GhcrEmulator) -> None:
    github.shelf.put("acme/web", make_image(), "v1")
    github.fail(lambda asked: "/versions" in asked.path, web_page(), times=100)
    crawl = crawled(github.url, _ghcr(github))
    (repository,) = crawl
    assert repository.tags
    (gap,) = crawl.coverage.unexcused
    assert gap.fault == "unreachable"
    assert "a web page came" in gap.detail


def test_a_list_that_leads_in_a_circle_ends(github: GhcrEmulator) -> None:
    for number in range(3):
        github.shelf.put(f"acme/app-{number}", make_image([b"same"]), "v1")
    whole = github.answer

    def circle(asked: Asked) -> Reply:
        reply = whole(asked)
        if asked.path.endswith("/packages"):
            reply.headers["Link"] = f'<{github.url}/orgs/acme/packages?page=1&package_type=container>; rel="next"'
        return reply

    github.answer = circle  # type: ignore[method-assign]
    listed = connected(github.url, _ghcr(github))[1].repositories()
    assert listed.names
    assert listed.gap is not None
    assert "again" in listed.gap.detail or "repeats" in listed.gap.detail


def test_the_token_signs_in_at_the_registry_too(github: GhcrEmulator) -> None:
    from resources.configuration.sign_in import sign_in_to
    from resources.registry.sign_in.login import Login
    from tests.resources.registry.providers.vendors import settings_of

    assert sign_in_to(settings_of(github.url, _ghcr(github))) == Login("acme", "ghp_reader_4711")


def test_a_rotated_token_is_read_anew(github: GhcrEmulator, monkeypatch: pytest.MonkeyPatch) -> None:
    github.shelf.put("acme/web", make_image(), "v1")
    _, provider = connected(github.url, _ghcr(github))
    assert provider.repositories().gap is None
    del github.scopes["ghp_reader_4711"]
    github.scopes["ghp_rotated_4711"] = {"read:packages"}
    monkeypatch.setenv("GITHUB_TOKEN", "ghp_rotated_4711")
    assert provider.repositories().names == ("acme/web",)


def test_an_enterprise_server_is_asked_at_its_own_address(github: GhcrEmulator) -> None:
    github.shelf.put("acme/web", make_image(), "v1")
    whole = github.answer

    def below(asked: Asked) -> Reply:
        asked.path = asked.path.removeprefix("/api/v3")
        return whole(asked)

    github.answer = below  # type: ignore[method-assign]
    for number in range(120):
        github.shelf.put(f"acme/app-{number}", make_image([b"same"]), "v1")
    _, provider = connected(github.url, _ghcr(github, api=f"{github.url}/api/v3"))
    assert len(provider.repositories().names) == 121


def test_a_host_that_cannot_be_reached_is_told_with_its_name() -> None:
    _, provider = connected(
        "http://127.0.0.1:9", {"ghcr": {"owner": "acme", "api": "http://127.0.0.1:9"}}, retries=0,
        timeout=timedelta(seconds=2),
    )  # fmt: skip
    gap = provider.repositories().gap
    assert gap is not None
    assert gap.fault == "unreachable"
    assert "127.0.0.1:9" in gap.detail
