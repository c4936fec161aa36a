"""Push events: what each vendor's body says, and that no body can do harm."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_core.digests import is_digest
from registry_core.event_secrets import holds_login, holds_signature, holds_token
from registry_core.push_events import KINDS, Kind, PushEvent, Refusal, read_push_events
from registry_core.reference_grammar import is_repository, is_tag
from tests.webhooks import sample

DIGEST = "sha256:" + "ab" * 32
INDEX = "application/vnd.oci.image.index.v1+json"
UUID = "72d3162e-cc78-11e3-81ab-4c9367dc0958"


def read(kind: Kind, body: Any, **headers: str) -> tuple[PushEvent, ...]:
    encoded = body if isinstance(body, bytes) else json.dumps(body).encode()
    found = read_push_events(kind, encoded, {name.replace("_", "-"): value for name, value in headers.items()})
    assert not isinstance(found, Refusal), found
    return found


def refused(kind: Kind, body: Any) -> str:
    found = read_push_events(kind, body if isinstance(body, bytes) else json.dumps(body).encode(), {})
    assert isinstance(found, Refusal), found
    return found.sentence


def only(kind: Kind, body: Any, **headers: str) -> PushEvent:
    (event,) = read(kind, body, **headers)
    return event


def harbor(kind: str = "PUSH_ARTIFACT", **fields: Any) -> dict[str, Any]:
    resource = {"digest": DIGEST, "tag": "v1", "resource_url": "harbor.example.com/shop/web:v1"}
    data = {"resources": [resource], "repository": {"repo_full_name": "shop/web"}}
    return {"type": kind, "occur_at": 1586922308, "event_data": data, **fields}


def envelope(*events: dict[str, Any]) -> dict[str, Any]:
    return {"events": list(events)}


def told(action: str = "push", media_type: str | None = INDEX, **target: Any) -> dict[str, Any]:
    about = {"repository": "shop/web", "tag": "v1", "digest": DIGEST, **target}
    return {
        "id": "1", "timestamp": "2026-11-21T03:12:36.95419021Z", "action": action,
        "target": about | ({"mediaType": media_type} if media_type else {}), "request": {"host": "r.example.com:5000"},
    }  # fmt: skip


def pubsub(told: Any) -> dict[str, Any]:
    data = base64.b64encode(json.dumps(told).encode()).decode()
    return {"message": {"data": data, "messageId": "7", "publishTime": "2026-01-01T00:00:00Z"}, "subscription": "s"}


def test_harbor_in_both_of_its_formats() -> None:
    at = datetime(2020, 4, 15, 3, 45, 8, tzinfo=UTC)
    plain = only("harbor", harbor())
    assert plain == PushEvent("push", "shop/web", "v1", DIGEST, at, "harbor.example.com", None)
    assert only("harbor", harbor("DELETE_ARTIFACT")).action == "delete"
    cloud = {"specversion": "1.0", "id": "4b2f", "type": "harbor.artifact.pushed", "time": "2023-03-06T06:08:43Z",
             "data": harbor()["event_data"]}  # fmt: skip
    found = only("harbor", cloud)
    assert (found.delivery, found.at) == ("4b2f", datetime(2023, 3, 6, 6, 8, 43, tzinfo=UTC))


@pytest.mark.parametrize(("kind", "action"), [("pushImage", "push"), ("deleteImage", "delete")])
def test_harbor_1_has_other_names_for_the_same(kind: str, action: str) -> None:
    found = only("harbor", harbor(kind))
    assert (found.action, found.repository, found.tag, found.digest) == (action, "shop/web", "v1", DIGEST)
    for other in ("pullImage", "scanningCompleted", "uploadChart", "quotaExceed"):
        assert read("harbor", harbor(other)) == ()


def test_harbor_may_name_a_repository_in_two_parts() -> None:
    body = harbor()
    body["event_data"]["repository"] = {"name": "web", "namespace": "shop"}
    assert only("harbor", body).repository == "shop/web"


def test_docker_hub_tells_no_digest_and_no_id() -> None:
    body = {"push_data": {"pushed_at": 1417566161, "tag": "latest"}, "repository": {"repo_name": "acme/web"}}
    found = only("docker_hub", body)
    assert (found.repository, found.tag, found.digest, found.delivery, found.host) == (
        "acme/web", "latest", None, None, "docker.io",
    )  # fmt: skip


def test_quay_tells_a_list_of_tags_and_nothing_of_when() -> None:
    body = {"repository": "acme/web", "docker_url": "quay.io/acme/web", "updated_tags": ["v1", "latest"]}
    assert [(one.tag, one.at, one.host) for one in read("quay", body)] == [
        ("v1", None, "quay.io"), ("latest", None, "quay.io"),
    ]  # fmt: skip
    assert read("quay", {"repository": "acme/web", "trigger_id": "x", "build_id": "y"}) == ()


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({"v1": "1ae3…", "latest": "1ae3…"}, [("v1", None), ("latest", None)]),
        ({"v1": DIGEST}, [("v1", DIGEST)]),
        ([{"name": "v1", "manifest_digest": DIGEST}], [("v1", DIGEST)]),
        (["v1", 7, None, "not a tag"], [("v1", None)]),
        ({}, []), ([], []), (None, []), ("v1", []),
    ],
)  # fmt: skip
def test_quay_tells_tags_as_a_list_or_as_an_object(tags: Any, expected: list[tuple[str, str | None]]) -> None:
    body = {"repository": "acme/web", "docker_url": "quay.io/acme/web", "updated_tags": tags}
    assert [(one.tag, one.digest) for one in read("quay", body)] == expected


def github(action: Any, **package: Any) -> dict[str, Any]:
    version = {"version": DIGEST, "package_url": "ghcr.io/acme/web:v1", "container_metadata": {"tag": {"name": "v1"}}}
    return {"action": action, "package": {"name": "web", "namespace": "acme", "package_version": version, **package}}


@pytest.mark.parametrize(
    "action", ["published", "create", "created", "updated", "update", "PUBLISHED", "new word", None]
)
def test_github_spells_a_push_in_many_ways(action: Any) -> None:
    found = only("github", github(action))
    assert (found.action, found.repository, found.tag, found.digest) == ("push", "acme/web", "v1", DIGEST)


def test_github_may_tell_of_a_deletion_and_of_other_packages() -> None:
    assert only("github", github("deleted")).action == "delete"
    version = {"version": DIGEST, "package_url": "ghcr.io/acme/web:v1"}
    for kind in ("CONTAINER", "container", "docker"):
        found = only("github", github("create", package_type=kind, package_version=version))
        assert (found.tag, found.digest) == ("v1", DIGEST)
    assert read("github", github("published", package_type="npm", package_version=version)) == ()
    assert "package_version" in refused("github", github("create", package_type="container", package_version=None))


def test_github_tells_one_manifest_tagged_or_not() -> None:
    version = {
        "version": DIGEST, "package_url": "ghcr.io/Acme/Web:v1", "updated_at": "2026-02-03T04:05:06Z",
        "container_metadata": {"tag": {"name": "v1", "digest": "sha256:" + "cd" * 32}},
    }  # fmt: skip
    body = {"action": "published", "package": {"name": "Web", "namespace": "Acme", "package_version": version}}
    found = only("github", body, X_GitHub_Event="package", X_GitHub_Delivery=UUID)
    assert (found.repository, found.tag, found.digest, found.delivery) == ("acme/web", "v1", DIGEST, UUID)
    untagged = version | {"package_url": "ghcr.io/acme/web:", "container_metadata": {"tag": {"name": ""}}}
    registry_package = {"action": "published", "registry_package": {"package_version": untagged}}
    assert only("github", registry_package).tag is None
    assert only("github", body, X_GitHub_Delivery="no uuid; DROP TABLE").delivery is None


def test_of_an_envelope_only_manifests_that_were_pushed_or_deleted_are_for_us() -> None:
    events = [
        told(), told("pull"), told("push", "application/octet-stream"), told("mount", None),
        told("delete", None), told("delete", None, url="http://r/v2/shop/web/blobs/x"), told("whatever"),
    ]  # fmt: skip
    found = read("distribution", envelope(*events))
    assert [event.action for event in found] == ["push", "delete"]
    assert found[0].host == "r.example.com:5000"
    assert found[0].at == datetime(2026, 11, 21, 3, 12, 36, 954190, tzinfo=UTC)


def test_one_event_that_cannot_be_read_takes_no_other_with_it() -> None:
    assert len(read("distribution", envelope(told(repository="NOT A NAME"), told()))) == 1
    assert "it names no repository" in refused("distribution", envelope(told(repository="NOT A NAME")))


def test_azure_deletes_an_image_or_a_whole_repository() -> None:
    assert only("azure", told("delete", None, tag=None)).tag is None
    assert only("azure", told("delete", None, tag=None, digest=None)).digest is None
    assert read("azure", told("quarantine")) == ()


def test_azure_need_not_say_of_which_type_an_image_is() -> None:
    found = only("azure", told("push", None))
    assert (found.action, found.tag, found.digest) == ("push", "v1", DIGEST)
    assert only("azure", told("push", f"{INDEX}; charset=utf-8")).tag == "v1"
    for no_image in (
        told("push", None, url="https://r/v2/shop/web/blobs/x"),
        told("push", "application/octet-stream"),
        told("chart_push", None),
        {"id": "1", "action": "ping"},
    ):
        assert read("azure", no_image) == ()


def test_in_an_envelope_a_manifest_without_a_type_is_known_by_its_address() -> None:
    manifest = told("push", None, url=f"https://r/v2/shop/web/manifests/{DIGEST}")
    blob = told("push", None, url=f"https://r/v2/shop/web/blobs/{DIGEST}")
    assert [event.tag for event in read("distribution", envelope(manifest, blob))] == ["v1"]


def test_ecr_has_a_host_that_is_made_of_account_and_region() -> None:
    detail = {"result": "SUCCESS", "repository-name": "shop/web", "image-digest": DIGEST, "action-type": "PUSH",
              "image-tag": "v1"}  # fmt: skip
    body = {"detail-type": "ECR Image Action", "id": "13cd", "account": "123456789012", "region": "us-west-2",
            "time": "2019-11-16T01:54:34Z", "detail": detail}  # fmt: skip
    assert only("ecr", body).host == "123456789012.dkr.ecr.us-west-2.amazonaws.com"
    assert read("ecr", body | {"detail": detail | {"result": "FAILURE"}}) == ()
    assert read("ecr", body | {"detail-type": "ECR Image Scan"}) == ()
    assert "without an input transformer" in refused("ecr", {"repository": "web"})


@pytest.mark.parametrize(
    ("kind", "detail"),
    [
        ("ECR Replication Action", {"result": "SUCCESS", "action-type": "REPLICATE", "source-region": "us-west-2"}),
        ("ECR Pull Through Cache Action", {"sync-status": "SUCCESS", "upstream-registry-url": "quay.io"}),
    ],
)
def test_ecr_is_filled_by_replication_and_by_its_cache_as_well(kind: str, detail: dict[str, str]) -> None:
    about = {"repository-name": "shop/web", "image-digest": DIGEST, "image-tag": "v1", **detail}
    found = only("ecr", {"detail-type": kind, "account": "123456789012", "region": "us-west-2", "detail": about})
    assert (found.action, found.repository, found.tag) == ("push", "shop/web", "v1")
    failed = about | {"result": "FAILED", "sync-status": "FAILED"}
    assert read("ecr", {"detail-type": kind, "detail": failed}) == ()


def test_google_may_send_the_payload_unwrapped() -> None:
    reference = "us-east1-docker.pkg.dev/project/repo/web"
    body = {"action": "INSERT", "digest": f"{reference}@{DIGEST}", "tag": f"{reference}:1.1"}
    assert only("google", body).tag == "1.1"
    found = only("google", body, X_Goog_Pubsub_Message_Id="7", X_Goog_Pubsub_Publish_Time="2026-01-01T00:00:00Z")
    assert (found.delivery, found.at) == ("7", datetime(2026, 1, 1, tzinfo=UTC))
    assert "`message`" in refused("google", {"digest": "x"})


def test_google_wraps_references_in_base64() -> None:
    reference = "us-east1-docker.pkg.dev/project/repo/web"
    found = only("google", pubsub({"action": "INSERT", "digest": f"{reference}@{DIGEST}", "tag": f"{reference}:1.1"}))
    assert (found.repository, found.tag, found.digest, found.host, found.delivery) == (
        "project/repo/web", "1.1", DIGEST, "us-east1-docker.pkg.dev", "7",
    )  # fmt: skip
    assert only("google", pubsub({"action": "DELETE", "tag": f"{reference}:1.1"})).action == "delete"
    assert "not JSON in Base64" in refused("google", {"message": {"data": "%%"}})


def test_aliyun_writes_times_without_a_zone_which_only_tell_deliveries_apart() -> None:
    body = {"push_data": {"digest": DIGEST, "pushed_at": "2016-11-29 12:25:46", "tag": "latest"},
            "repository": {"repo_full_name": "acme/web"}}  # fmt: skip
    found = only("aliyun", body)
    assert found.at is None
    later = {**body, "push_data": body["push_data"] | {"pushed_at": "2016-11-29 12:25:47"}}
    assert only("aliyun", later).delivery != found.delivery


def test_zot_says_what_happened_in_headers() -> None:
    body = {"name": "shop/web", "reference": "v1", "digest": DIGEST}
    found = only("zot", body, Ce_Type="zotregistry.image.updated", Ce_Id="9", Ce_Time="2026-01-01T00:00:00Z")
    assert (found.action, found.tag, found.delivery) == ("push", "v1", "9")
    assert read("zot", body, Ce_Type="zotregistry.image.lint_failed") == ()
    assert "Ce-Type" in refused("zot", body)
    structured = {"specversion": "1.0", "type": "zotregistry.image.updated", "id": "9", "data": body}
    assert (only("zot", structured).tag, only("zot", structured).delivery) == ("v1", "9")
    assert read("zot", structured | {"type": "zotregistry.repository.created", "data": None}) == ()


@pytest.mark.parametrize(
    ("kind", "name", "headers", "expected"),
    [
        ("docker_hub", "dockerhub_push.docs.json", {}, [("push", "svendowideit/testhook", "latest")]),
        ("quay", "quay_repo_push.docs.json", {}, [("push", "dgangaia/test", "latest")]),
        ("harbor", "harbor_push_artifact.default.json", {}, [("push", "test-webhook/debian", "latest")]),
        ("harbor", "harbor_delete_artifact.default.json", {}, [("delete", "library/busybox", "1.36")]),
        ("harbor", "harbor_push_artifact.cloudevents.json", {}, [("push", "test-webhook/debian", "latest")]),
        ("github", "github_package_published.docker.json", {}, [("push", "codertocat/hello-world", None)]),
        ("github", "github_registry_package_published.docker.json", {}, [("push", "codertocat/hello-world", None)]),
        ("distribution", "distribution_2.8.2_push_blob.json", {}, []),
        ("distribution", "distribution_2.8.2_push_oci_bydigest.json", {}, [("push", "demo/app", None)]),
        ("distribution", "distribution_2.8.2_push_docker.json", {}, [("push", "demo/app", "docker")]),
        ("distribution", "distribution_2.8.2_push_oci.json", {}, [("push", "demo/app", "1.0")]),
        ("distribution", "distribution_2.8.2_push_index.json", {}, [("push", "demo/app", "multi")]),
        ("distribution", "distribution_2.8.2_pull_oci.json", {}, []),
        ("distribution", "distribution_2.8.2_pull_index.json", {}, []),
        ("distribution", "distribution_2.8.2_delete_digest.json", {}, [("delete", "demo/app", None)]),
        ("distribution", "distribution_2.8.2_delete_tag.json", {}, [("delete", "demo/app", "latest")]),
        ("distribution", "distribution_docs_pull.json", {}, []),
        ("distribution", "distribution_docs_envelope_3events.json", {}, [("push", "library/test", None)]),
        ("azure", "acr_push.json", {}, [("push", "hello-world", "v1")]),
        ("azure", "acr_delete.json", {}, [("delete", "hello-world", None)]),
        ("aliyun", "aliyun_acr_push.json", {}, [("push", "namespace/repotest", "latest")]),
        ("ecr", "ecr_eventbridge_push.json", {}, [("push", "my-repository-name", "latest")]),
        ("google", "gar_pubsub_insert.push_envelope.json", {}, [("push", "my-project/my-repo/hello-world", "1.1")]),
        ("zot", "zot_image_updated.body.json", {"Ce-Type": "zotregistry.image.updated"}, [("push", "demo/app", "1.0")]),
    ],
)
def test_what_vendors_really_send_is_read(
    kind: Kind, name: str, headers: dict[str, str], expected: list[tuple[str, str, str | None]]
) -> None:
    found = read_push_events(kind, sample(name), headers)
    assert not isinstance(found, Refusal)
    assert [(event.action, event.repository, event.tag) for event in found] == expected


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "not JSON"), (b"\xff\xfe", "not JSON"), (b"[1]", "not a JSON object"), (b'"text"', "not a JSON object"),
        (b"9" * 5000, "not JSON"), (b'{"a":' * 200 + b"1" + b"}" * 200, "nested too deeply"),
        (b"[" * 200_000, "nested too deeply"),
    ],
)  # fmt: skip
def test_what_is_no_event_is_refused_in_a_sentence(kind: Kind, body: bytes, words: str) -> None:
    assert words in refused(kind, body)


def test_pings_and_other_events_are_no_events_and_no_refusal() -> None:
    assert read("github", {"zen": "Keep it logically awesome."}, X_GitHub_Event="ping") == ()
    assert read("harbor", harbor("SCANNING_COMPLETED")) == ()
    assert read("google", pubsub({"action": "UPDATE"})) == ()


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
_SHAPES: dict[Kind, Any] = {
    "harbor": harbor(), "distribution": envelope(told()), "azure": told(), "google": pubsub({"action": "INSERT"}),
    "github": {"action": "published", "package": {"package_version": {"container_metadata": {"tag": {}}}}},
    "docker_hub": {"push_data": {"pushed_at": 1}, "repository": {"repo_name": "a"}},
    "aliyun": {"push_data": {"tag": "a", "digest": DIGEST, "pushed_at": "x"}, "repository": {"repo_full_name": "a"}},
    "quay": {"repository": "a", "updated_tags": ["b"]}, "zot": {"name": "a", "reference": "b"},
    "ecr": {"detail-type": "ECR Image Action", "detail": {"result": "SUCCESS", "action-type": "PUSH"}},
}  # fmt: skip


def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    below = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(one for key, inner in below for one in _paths(inner, (*path, key)))]


def _with(value: Any, path: tuple[Any, ...], other: Any) -> Any:
    if not path:
        return other
    copied = dict(value) if isinstance(value, dict) else list(value)
    copied[path[0]] = _with(copied[path[0]], path[1:], other)
    return copied


@given(st.sampled_from(KINDS), st.data())
def test_no_body_raises_and_what_comes_out_can_be_stored(kind: Kind, data: st.DataObject) -> None:
    """The vendor's shape with anything at any place of it."""
    shape = _SHAPES[kind]
    body = _with(shape, data.draw(st.sampled_from(_paths(shape))), data.draw(_JSON))
    found = read_push_events(kind, json.dumps(body).encode(), {"Ce-Type": "zotregistry.image.updated"})
    for event in () if isinstance(found, Refusal) else found:
        assert is_repository(event.repository)
        assert event.tag is None or is_tag(event.tag)
        assert event.digest is None or is_digest(event.digest)
        assert event.delivery is None or (event.delivery.isprintable() and event.delivery.encode())


def test_a_signature_is_that_of_the_body_by_the_secret() -> None:
    # GitHub's own example ("Validating webhook deliveries").
    secret, body = "It's a Secret to Everybody", b"Hello, World!"
    proper = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    assert holds_signature(secret, body, proper)
    assert not holds_signature(secret, body + b" ", proper)
    assert not holds_signature("another", body, proper)
    for wrong in (None, "", "sha256=", proper.upper(), proper.removeprefix("sha256="), "sha1=x", "sha256=é"):
        assert not holds_signature(secret, body, wrong)


def test_a_token_is_shown_plain_or_after_bearer() -> None:
    assert holds_token("secret", "secret")
    assert holds_token("secret", "Bearer secret")
    assert holds_token("with space", "with space")
    for wrong in (None, "", "Bearer", "Basic secret", "secret2", "secre", "é"):
        assert not holds_token("secret", wrong)


def test_a_login_is_both_of_its_parts() -> None:
    def shown(text: str) -> str:
        return "Basic " + base64.b64encode(text.encode()).decode()

    assert holds_login("me", "pass:word", shown("me:pass:word"))
    for wrong in (None, "", "Basic", "Basic !", shown("me:"), shown("you:pass:word"), shown("pass:word")):
        assert not holds_login("me", "pass:word", wrong)


def test_more_than_any_vendor_tells_at_once_is_refused() -> None:
    events = [{"action": "delete", "target": {"repository": f"a/{number}"}} for number in range(1_001)]
    found = read_push_events("distribution", json.dumps({"events": events}).encode(), {})
    assert isinstance(found, Refusal)
    assert "1,001 events" in found.sentence
    assert isinstance(read_push_events("distribution", json.dumps({"events": events[1:]}).encode(), {}), tuple)
