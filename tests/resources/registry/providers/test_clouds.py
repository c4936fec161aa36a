"""Amazon ECR, Google, IBM and Alibaba: listing, times, credentials, deletion; against the vendors' own models."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from registry_core.errors import ConfigError, RegistryError
from resources.configuration.sign_in import sign_in_to
from resources.registry.providers.aliyun import signature
from resources.registry.sign_in.login import Login
from tests.image_builder import make_image, make_multi_platform
from tests.resources.registry.providers.cloud_emulators import (
    AliyunEmulator,
    EcrEmulator,
    GoogleEmulator,
    IbmEmulator,
)
from tests.resources.registry.providers.contract import SPECS
from tests.resources.registry.providers.vendor_server import Reply
from tests.resources.registry.providers.vendors import connected, crawled, deletion_at, restoration_at, settings_of

PUSHED = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)
ALIYUN = {
    "instance": "cri-1",
    "region": "eu-central-1",
    "access_key_id": "LTAI",
    "access_key_secret": {"env": "ALIYUN"},
}


@pytest.fixture
def ecr(monkeypatch: pytest.MonkeyPatch) -> Iterator[EcrEmulator]:
    pytest.importorskip("boto3", reason="install the extra `ecr` (boto3) to run this")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "aws-secret-4711")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    with EcrEmulator() as emulator:
        yield emulator


def _ecr(ecr: EcrEmulator) -> dict[str, Any]:
    return {"ecr": {"region": "eu-central-1", "account": "123456789012", "api": ecr.url}}


def test_ecr_tells_push_and_pull_times_and_lists_what_is_archived(ecr: EcrEmulator) -> None:
    image, archived = make_image([b"web"]), make_image([b"archived"])
    stored = ecr.shelf.put("team/web", image, "v1", pushed_at="2026-02-03T04:05:06Z")
    stored.pulled_at = "2026-02-20T00:00:00Z"
    ecr.shelf.put("team/web", archived, "v0")
    ecr.archived.add(archived.digest)
    for number in range(1_100):
        ecr.shelf.put(f"team/app-{number}", make_image([b"same"]), "v1")
    _, provider = connected(ecr.url, _ecr(ecr))
    listed = provider.repositories()
    assert (len(listed.names), listed.gap) == (1_101, None)
    images = provider.details("team/web").images
    assert (images[image.digest].pushed_at, images[image.digest].tags) == (PUSHED, ("v1",))
    assert images[image.digest].pulled_at == datetime(2026, 2, 20, tzinfo=UTC)
    assert not images[archived.digest].readable
    assert "archived" in images[archived.digest].labels[0]
    _keeps_botocores_model(ecr)


def test_failures_of_ecr_come_with_status_200_and_are_seen(ecr: EcrEmulator) -> None:
    index = make_multi_platform()
    ecr.shelf.put("team/web", index, "v1", "v2")
    deletion = deletion_at(ecr.url, _ecr(ecr))
    with pytest.raises(RegistryError, match="ImageReferencedByManifestList"):
        deletion.delete_image("team/web", index.children[0].digest)
    assert deletion.remove_tag("team/web", "v2") == "accepted"
    with pytest.raises(RegistryError, match="last tag"):
        deletion.remove_tag("team/web", "v1")
    assert deletion.remove_tag("team/web", "v9") == "not there"
    assert deletion.delete_image("team/web", index.digest) == "accepted"
    assert deletion.delete_image("team/web", index.digest) == "not there"
    _keeps_botocores_model(ecr)


def test_the_login_of_ecr_comes_from_its_api(ecr: EcrEmulator) -> None:
    assert sign_in_to(settings_of(ecr.url, _ecr(ecr))) == Login("AWS", "ecr-password-4711")


def test_wrong_or_missing_keys_of_aws_are_told_without_them(ecr: EcrEmulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAWRONG")
    gap = connected(ecr.url, _ecr(ecr))[1].repositories().gap
    assert gap is not None
    assert gap.fault == "forbidden"
    assert "4711" not in gap.detail
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    gap = connected(ecr.url, _ecr(ecr))[1].repositories().gap
    assert gap is not None
    assert "find no keys" in gap.detail


def test_google_lists_packages_of_docker_repositories_and_their_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_TOKEN", "ya29-4711")
    with GoogleEmulator() as google:
        own = {"project": "acme", "location": "europe-west3", "token": {"env": "GOOGLE_TOKEN"}, "api": google.url}
        image = make_image([b"web"])
        google.shelf.put("acme/images/team/web", image, "v1", "v2", pushed_at="2026-02-03T04:05:06Z")
        for number in range(230):
            google.shelf.put(f"acme/images/app-{number}", make_image([b"same"]), "v1")
            google.shelf.put("acme/images/many", make_image([str(number).encode()]), f"v{number}")
        _, provider = connected(google.url, {"google": own})
        listed = provider.repositories()
        assert (len(listed.names), listed.gap) == (232, None)
        assert len(provider.details("acme/images/many").images) == 230
        (detail,) = provider.details("acme/images/team/web").images.values()
        assert (detail.digest, detail.tags, detail.pushed_at) == (image.digest, ("v1", "v2"), PUSHED)
        deletion = deletion_at(google.url, {"google": own})
        assert deletion.remove_tag("acme/images/team/web", "v1") == "accepted"
        assert deletion.delete_image("acme/images/team/web", image.digest) == "accepted"
        assert deletion.delete_image("acme/images/team/web", image.digest) == "not there"
        assert sign_in_to(settings_of(google.url, {"google": own})) == Login("oauth2accesstoken", "ya29-4711")
        _keeps_googles_paths(google)
        monkeypatch.setenv("GOOGLE_TOKEN", "wrong-4711")
        gap = connected(google.url, {"google": own})[1].repositories().gap
        assert gap is not None
        assert "artifactregistry.reader" in gap.detail
        assert "4711" not in gap.detail


def test_google_holds_what_has_an_immutable_tag(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_TOKEN", "ya29-4711")
    with GoogleEmulator() as google:
        own = {"project": "acme", "location": "europe-west3", "token": {"env": "GOOGLE_TOKEN"}, "api": google.url}
        tagged, bare = make_image([b"tagged"]), make_image([b"bare"])
        for repository in ("releases", "builds"):
            google.shelf.put(f"acme/{repository}/web", tagged, "v1")
            google.shelf.put(f"acme/{repository}/web", bare)
        google.immutable.add("releases")
        _, provider = connected(google.url, {"google": own})
        held = {name: provider.details(f"acme/{name}/web").images for name in ("releases", "builds")}
        assert held["releases"][tagged.digest].protection == ("immutable tags of the repository: v1",)
        assert not held["releases"][bare.digest].protection
        assert not held["builds"][tagged.digest].protection
        provider.details("acme/releases/web")
        assert sum(path.endswith("/repositories/releases") for path in google.paths()) == 1
        _keeps_googles_paths(google)
        google.fail(lambda asked: asked.path.endswith("/repositories/builds"), Reply(500), times=9)
        gap = connected(google.url, {"google": own})[1].details("acme/builds/web").gap
        assert gap is not None
        assert "read the settings of" in gap.detail


def test_ibm_trades_its_key_lists_the_account_and_restores_from_the_trash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IBM_KEY", "ibm-key-4711")
    with IbmEmulator() as ibm:
        settings = {"ibm": {"account": "acct", "api_key": {"env": "IBM_KEY"}, "iam": ibm.url}}
        image = make_image([b"web"])
        ibm.shelf.put("team/web", image, "v1", "v2")
        ibm.shelf.put("team/other", make_image([b"other"]), "v1")
        _, provider = connected(ibm.url, settings)
        assert provider.repositories().names == ("team/other", "team/web")
        (detail,) = provider.details("team/web").images.values()
        assert (detail.digest, detail.tags, detail.pushed_at) == (image.digest, ("v1", "v2"), None)
        deletion = deletion_at(ibm.url, settings, hosts=["de.icr.io"])
        assert deletion.remove_tag("team/web", "v1") == "accepted"
        assert deletion.delete_image("team/web", image.digest) == "accepted"
        assert not provider.details("team/web").images
        restoration_at(ibm.url, settings, hosts=["de.icr.io"]).restore_image("team/web", image.digest, ["v2"])
        assert provider.details("team/web").images
        assert sign_in_to(settings_of(ibm.url, settings)) == Login("iamapikey", "ibm-key-4711")
        _keeps_ibms_paths(ibm)


def test_aliyun_signs_every_page_and_gives_a_login(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALIYUN", "aliyun-4711")
    with AliyunEmulator() as aliyun:
        settings = {"aliyun": {**ALIYUN, "api": aliyun.url}}
        image = make_image([b"web"])
        aliyun.shelf.put("team/web", image, "v1", "v2", pushed_at="2026-02-03T04:05:06Z")
        for number in range(230):
            aliyun.shelf.put(f"team/app-{number}", make_image([b"same"]), "v1")
        _, provider = connected(aliyun.url, settings)
        assert len(provider.repositories().names) == 231
        (detail,) = provider.details("team/web").images.values()
        assert (detail.digest, detail.tags, detail.pushed_at) == (image.digest, ("v1", "v2"), PUSHED)
        deletion = deletion_at(aliyun.url, settings)
        assert deletion.delete_image("team/web", image.digest) == "accepted"
        assert deletion.remove_tag("team/web", "v1") == "not there"
        assert sign_in_to(settings_of(aliyun.url, settings)) == Login("cr_temp_user", "temp-4711")
        aliyun.lie_about_total = 5
        gap = provider.repositories().gap
        assert gap is not None
        assert "it counts 236 and gives 231" in gap.detail
        other = connected(aliyun.url, {"aliyun": {**ALIYUN, "api": aliyun.url, "instance": "cri-2"}})[1]
        gone = other.repositories().gap
        assert gone is not None
        assert gone.fault == "missing"
        monkeypatch.setenv("ALIYUN", "wrong-4711")
        wrong = connected(aliyun.url, settings)[1].repositories().gap
        assert wrong is not None
        assert "access key" in wrong.detail


def test_the_signature_of_aliyun_is_that_of_its_documentation() -> None:
    example = {
        "Timestamp": "2016-02-23T12:46:24Z", "Format": "XML", "AccessKeyId": "testid", "Action": "DescribeRegions",
        "SignatureMethod": "HMAC-SHA1", "SignatureNonce": "3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf",
        "Version": "2014-05-26", "SignatureVersion": "1.0",
    }  # fmt: skip
    assert signature("GET", example, "testsecret") == "OLeaidS1JvxuMvnyHOwuJ+uX5qY="


def test_a_vendor_out_of_reach_harms_no_other_and_hides_no_row(ecr: EcrEmulator) -> None:
    ecr.shelf.put("team/web", make_image(), "v1")
    crawl = crawled(
        ecr.url, {"ecr": {"region": "x", "api": "http://127.0.0.1:9"}}, repositories=["team/web"], retries=0
    )
    assert [one.repository for one in crawl] == ["team/web"]
    assert {gap.fault for gap in crawl.coverage.unexcused} >= {"unreachable"}


def test_a_profile_that_is_not_there_is_a_fault_of_the_configuration(ecr: EcrEmulator) -> None:
    with pytest.raises(ConfigError, match=r"provider\.ecr"):
        connected(ecr.url, {"ecr": {"region": "eu-central-1", "profile": "nobody"}})[1].repositories()


def _keeps_botocores_model(ecr: EcrEmulator) -> None:
    """What the emulator answers is in the model that boto3 is made of; what we ask, boto3 has checked itself."""
    import botocore.session

    model = botocore.session.get_session().get_service_model("ecr")
    assert ecr.calls
    for verb, asked, answered in ecr.calls:
        operation = model.operation_model(verb)
        assert set(asked) <= set(operation.input_shape.members)
        _within(answered, operation.output_shape)


def _within(value: Any, shape: Any) -> None:
    if shape.type_name == "structure":
        assert set(value) <= set(shape.members)
        for key, one in value.items():
            _within(one, shape.members[key])
    elif shape.type_name == "list":
        for one in value:
            _within(one, shape.member)
    elif getattr(shape, "enum", None):
        assert value in shape.enum


def _subset() -> dict[str, Any]:
    path = SPECS / "cloud-registries-subset.json"
    if not path.exists():
        pytest.skip("needs ../shared/fixtures/specs, which is not beside this repository")
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def _keeps_googles_paths(google: GoogleEmulator) -> None:
    import re

    known = [
        (verb, re.compile(re.sub(r"\{\w+=([^}]*)\}", lambda found: found[1].replace("*", "[^/]+"), path)))
        for verb, path in _subset()["gar"]["http"].values()
    ]
    for asked, _ in google.asked:
        assert any(verb == asked.method and path.fullmatch(asked.path) for verb, path in known), asked


def _keeps_ibms_paths(ibm: IbmEmulator) -> None:
    told = _subset()["ibm"]
    operations = {(verb, path): set(query) for _, verb, path, query in told["operations"]}
    for asked, reply in ibm.asked:
        if not asked.path.startswith("/api/"):
            continue
        parts = asked.path.split("/")
        found = [
            query
            for (verb, path), query in operations.items()
            if verb == asked.method
            and len(path.split("/")) == len(parts)
            and all(one.startswith("{") or one == here for one, here in zip(path.split("/"), parts, strict=True))
        ]
        assert found, asked
        assert set(asked.query) <= found[0]
        if isinstance(reply.content, list):
            assert all(set(image) <= set(told["models"]["RemoteAPIImage"]) for image in reply.content)
