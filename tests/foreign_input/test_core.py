"""Parsers of the core: pure functions over what others wrote."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_core import digests, globs, json_places, references, versions
from registry_core.errors import ConfigError
from registry_core.event_secrets import holds_login, holds_signature, holds_token
from registry_core.foreign_json import NotJson, read_json, read_object, short_text, whole_number
from registry_core.image_paths import ImagePath, pull_secret_names
from registry_core.manifest_bytes import is_manifest_body
from registry_core.manifests import children, descriptors, read_config, read_manifest
from registry_core.media_types import without_parameters
from registry_core.owners import Owners
from registry_core.platforms import Platform, serves
from registry_core.pod_statuses import text_of, time_of
from registry_core.policy import read_policies
from registry_core.policy_spans import parse_span
from registry_core.pull_errors import fault_of_pull_error
from registry_core.push_events import KINDS, read_push_events
from registry_core.registry_identity import host_identity, url_identity
from registry_core.rfc3339 import read_time
from registry_core.service_accounts import account_of, account_secrets
from registry_core.version_ranges import VersionRange
from registry_core.workload_kinds import kinds_to_read
from registry_core.workloads import Surroundings, image_uses, platform_of_node
from tests.foreign_input import shapes
from tests.foreign_input.garbage import QUICK, bodies, error_of, plain, spoiled, texts, written

COVERS: tuple[str, ...] = (
    "registry_core.event_secrets",
    "registry_core.foreign_json",
    "registry_core.manifest_bytes",
    "registry_core.manifests",
    "registry_core.pod_statuses",
    "registry_core.push_event_fields",
    "registry_core.push_events",
    "registry_core.push_events_clouds",
    "registry_core.push_events_vendors",
    "registry_core.registry_identity",
    "registry_core.rfc3339",
    "registry_core.references",
    "registry_core.versions",
    "registry_core.version_ranges",
    "registry_core.platforms",
    "registry_core.policy",
    "registry_core.policy_spans",
    "registry_core.globs",
    "registry_core.json_places",
    "registry_core.workloads",
)


def read_everything_of_a_manifest(body: bytes) -> None:
    is_manifest_body(body)
    for content_type in (None, "application/vnd.oci.image.index.v1+json"):
        facts = read_manifest(body, digest="sha256:" + "0" * 64, content_type=content_type)
        descriptors(facts)
        children(facts)


def serve_each_other(text: str) -> None:
    one = Platform.parse(text)
    str(one.normalized())
    serves(one, "linux/amd64")
    serves("linux/arm64", one)


def compare_versions(text: str) -> None:
    found = versions.parse_version(text)
    if found is not None:
        assert not found < found
        hash(found), str(found)
    versions.VersionPattern("v{semver}").parse(text)


def match_globs(text: str) -> None:
    globs.compile_globs([text]).matches(text[:200])


#: Parsers of a text; ValueError is theirs, where the second says so.
OF_TEXTS: dict[str, tuple[Callable[[str], object], bool]] = {
    "a reference": (references.parse_any, False),
    "the host of a reference": (references.host_of, False),
    "the image of a status": (references.split_status_image_id, False),
    "a digest": (digests.is_digest, False),
    "a content address": (digests.is_content_address, False),
    "why it is no digest": (digests.why_not_digest, False),
    "the subject of a tag": (digests.subject_of_tag, False),
    "a glob": (match_globs, True),
    "a platform": (serve_each_other, True),
    "a version": (compare_versions, False),
    "a pattern of versions": (versions.VersionPattern, True),
    "a range of versions": (VersionRange, True),
    "a span": (parse_span, True),
    "a time": (read_time, False),
    "a time of Kubernetes": (time_of, False),
    "a text of Kubernetes": (text_of, False),
    "a short text": (short_text, False),
    "a whole number": (whole_number, False),
    "a media type": (without_parameters, False),
    "an identity": (host_identity, False),
    "the identity of an address": (url_identity, False),
    "a place in an object": (lambda text: json_places.place_of({"spec": {"a": [1]}}, text), False),
    "a path of images": (lambda text: list(ImagePath.parse(text).find({"spec": {"image": "a"}})), True),
    "a reason of a failed pull": (lambda text: fault_of_pull_error(text, text), False),
    "a signature": (lambda text: holds_signature("secret", b"body", text), False),
    "a token": (lambda text: holds_token("secret", text), False),
    "a login": (lambda text: holds_login("user", "password", text), False),
}


@pytest.mark.parametrize("what", OF_TEXTS)
def test_no_text_raises_what_is_not_ours(what: str) -> None:
    parse, may_be_value_error = OF_TEXTS[what]

    @QUICK
    @given(texts)
    def check(text: str) -> None:
        error = error_of(lambda: parse(text), *((ValueError,) if may_be_value_error else ()))
        assert not isinstance(error, UnicodeError)

    check()


OF_BODIES: dict[str, tuple[Callable[[bytes], object], tuple[Any, ...]]] = {
    "an object": (lambda body: read_object(body, what="it"), (shapes.IMAGE,)),
    "a manifest": (read_everything_of_a_manifest, shapes.MANIFESTS),
    "a config": (read_config, (shapes.CONFIG,)),
    **{
        f"an event of {kind}": (
            lambda body, kind=kind: read_push_events(kind, body, {"ce-type": "zotregistry.image.updated"}),
            shapes.EVENTS[kind],
        )
        for kind in KINDS
    },
}


@pytest.mark.parametrize("what", OF_BODIES)
def test_no_body_raises_what_is_not_ours(what: str) -> None:
    parse, expected = OF_BODIES[what]

    @QUICK
    @given(bodies(*expected))
    def check(body: bytes) -> None:
        assert "\n" not in str(error_of(lambda: parse(body)))

    check()


@QUICK
@given(bodies(shapes.IMAGE))
def test_json_that_is_none_is_a_value_error_in_a_few_words(body: bytes) -> None:
    assert str(error_of(lambda: read_json(body), NotJson)) in ("None", "is not JSON", "is nested too deeply")


def read_everything_of_an_object(item: Any) -> None:
    kinds = {kind.kind: kind for kind in kinds_to_read()}
    around = Surroundings("production", {}, Owners())
    if not isinstance(item, dict):
        return
    platform_of_node(item)
    if isinstance(item.get("metadata"), dict):
        account_secrets(item)
        Owners().learn(item, "Deployment")
        for kind in (kinds.get(str(item.get("kind"))), kinds["Pod"], kinds["Deployment"], kinds["CronJob"]):
            if kind is not None:
                for use in image_uses(item, kind, around):
                    assert isinstance(use.reference, str)
                    use.reference.encode()
    for spec in (item.get("spec"), item):
        if isinstance(spec, dict):
            pull_secret_names(spec)
            account_of(spec)


@QUICK
@given(spoiled(*shapes.WORKLOADS))
def test_no_object_of_a_cluster_raises(item: Any) -> None:
    read_everything_of_an_object(plain(item))


@QUICK
@given(spoiled(shapes.POLICIES), st.booleans())
def test_no_policy_raises_what_is_not_ours(value: Any, as_list: bool) -> None:
    error = error_of(lambda: read_policies(plain(value)))
    assert error is None or isinstance(error, ConfigError)


def test_the_shapes_are_read_when_nothing_is_spoiled() -> None:
    """Else every example would end at the door."""
    for document in shapes.MANIFESTS:
        read_everything_of_a_manifest(written(document))
    for kind in KINDS:
        for event in shapes.EVENTS[kind]:
            assert read_push_events(kind, written(event), {"ce-type": "zotregistry.image.updated"}), (kind, event)
    for item in shapes.WORKLOADS:
        read_everything_of_an_object(item)
    assert read_policies(shapes.POLICIES)
