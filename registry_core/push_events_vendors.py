"""What each vendor's body says. One function a vendor, from a JSON object and its headers to events.

Sources: Harbor `src/pkg/notifier`, Docker Hub "Webhooks", Quay "Repository events", GitHub `package` and
`registry_package` webhook events, distribution "Notifications", Azure "Webhook schema reference", Amazon ECR
"Events and EventBridge", Google Artifact Registry "Pub/Sub notifications", Alibaba ACR "Manage webhooks", zot
`pkg/extensions/events`.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any

from registry_core.foreign_json import entries_of, short_text
from registry_core.media_types import is_manifest
from registry_core.push_event_fields import (
    digest_of_text,
    host_of_text,
    likely,
    object_in,
    one_of_several,
    repository_of,
    tag_of,
    text_in,
    time_of_seconds,
    uuid_of,
)
from registry_core.push_events import Action, Kind, PushEvent, Reader, Unreadable
from registry_core.rfc3339 import read_time

Body = Mapping[str, Any]
Headers = Mapping[str, str]


def _harbor(body: Body, headers: Headers) -> list[PushEvent]:
    """Both formats: Default, and CloudEvents, whose `data` is the same."""
    kind, data, at = text_in(body, "type"), body.get("event_data"), time_of_seconds(body.get("occur_at"))
    if "specversion" in body:
        data, at = body.get("data"), read_time(body.get("time"))
    actions: dict[str, Action] = {
        "PUSH_ARTIFACT": "push",
        "harbor.artifact.pushed": "push",
        "DELETE_ARTIFACT": "delete",
        "harbor.artifact.deleted": "delete",
    }
    if kind not in actions:
        return []
    told = object_in(data, "event_data")
    repository = repository_of(object_in(told.get("repository"), "repository").get("repo_full_name"))
    resources = entries_of(told, "resources")
    if not resources:
        raise Unreadable("it names no resource")
    return [
        PushEvent(
            action=actions[kind],
            repository=repository,
            tag=tag_of(resource.get("tag")),
            digest=digest_of_text(resource.get("digest")),
            at=at,
            host=host_of_text(str(resource.get("resource_url") or "").partition("/")[0]),
            delivery=one_of_several(short_text(body.get("id")), number),
        )
        for number, resource in enumerate(resources)
    ]


def _docker_hub(body: Body, headers: Headers) -> list[PushEvent]:
    """Pushes only; no digest, no id."""
    pushed = object_in(body.get("push_data"), "push_data")
    repository = repository_of(object_in(body.get("repository"), "repository").get("repo_name"))
    at = time_of_seconds(pushed.get("pushed_at"))
    return [PushEvent("push", repository, tag_of(pushed.get("tag")), at=at, host="docker.io")]


def _quay(body: Body, headers: Headers) -> list[PushEvent]:
    """Neither time nor id: two pushes of a tag are the same bytes. Other events have no `updated_tags`."""
    tags = body.get("updated_tags")
    repository = repository_of(body.get("repository"))
    host = host_of_text(str(body.get("docker_url") or "").partition("/")[0])
    if not isinstance(tags, list):
        return []
    # Older versions sent an object, tag to id.
    return [PushEvent("push", repository, tag, host=host) for tag in map(tag_of, tags) if tag]


def _github(body: Body, headers: Headers) -> list[PushEvent]:
    """An event for each manifest, tagged or not; nothing is sent on a deletion."""
    if headers.get("x-github-event") == "ping":
        return []
    package = body.get("package", body.get("registry_package"))
    told = object_in(package, "package")
    if text_in(body, "action") not in ("published", "updated"):
        return []
    version = object_in(told.get("package_version"), "package_version")
    url = short_text(version.get("package_url")) or ""
    host, _, rest = url.partition("/")
    name, _, tag = rest.partition(":")
    container = version.get("container_metadata")
    if not isinstance(container, dict):
        return []  # a package of another ecosystem
    written = container.get("tag")
    named = written if isinstance(written, dict) else {}
    return [
        PushEvent(
            action="push",
            repository=repository_of(name.partition("@")[0] or f"{told.get('namespace')}/{told.get('name')}"),
            tag=tag_of(named.get("name")) or tag_of(tag),
            # `tag.digest` may be of an older version; the version is named by its own digest.
            digest=digest_of_text(version.get("version")) or digest_of_text(named.get("digest")),
            at=likely(read_time(version.get("updated_at"))) or likely(read_time(told.get("updated_at"))),
            host=host_of_text(host),
            delivery=uuid_of(headers.get("x-github-delivery")),
        )
    ]


def _distribution(body: Body, headers: Headers) -> list[PushEvent]:
    """One envelope, many events: pulls and blobs among them, which are not for us. One that cannot be read takes no
    other with it."""
    if not isinstance(body.get("events"), list):
        raise Unreadable("it has no list of `events`")
    found, unreadable = [], None
    for event in entries_of(body, "events"):
        try:
            found += _distribution_event(event)
        except Unreadable as error:
            unreadable = error
    if unreadable is not None and not found:
        raise unreadable
    return found


def _azure(body: Body, headers: Headers) -> list[PushEvent]:
    """One event of distribution, without the envelope. A deletion is of a manifest or of a whole repository."""
    if text_in(body, "action") not in ("push", "delete"):
        return []  # quarantine, chart_push, chart_delete, ping
    return _distribution_event(body)


def _distribution_event(event: Body) -> list[PushEvent]:
    actions: dict[str, Action] = {"push": "push", "delete": "delete", "mount": "push"}
    action = actions.get(text_in(event, "action"))
    target = event.get("target")
    if action is None or not isinstance(target, dict) or not _is_image(action, target):
        return []
    request = event.get("request")
    return [
        PushEvent(
            action=action,
            repository=repository_of(target.get("repository")),
            tag=tag_of(target.get("tag")),
            digest=digest_of_text(target.get("digest")),
            at=read_time(event.get("timestamp")),
            host=host_of_text(request.get("host")) if isinstance(request, dict) else None,
            delivery=short_text(event.get("id")),
        )
    ]


def _is_image(action: Action, target: Body) -> bool:
    """A manifest, and no blob. What is deleted has no media type: a blob is known by its address then."""
    media_type = target.get("mediaType")
    if isinstance(media_type, str) and media_type:
        return is_manifest(media_type)
    return action == "delete" and "/blobs/" not in str(target.get("url") or "")


def _ecr(body: Body, headers: Headers) -> list[PushEvent]:
    """EventBridge's envelope; the host is not in it, and made of account and region."""
    if body.get("detail-type") != "ECR Image Action":
        if isinstance(body.get("detail-type"), str):
            return []
        raise Unreadable("it has no `detail-type`; send the event whole, without an input transformer")
    detail = object_in(body.get("detail"), "detail")
    actions: dict[str, Action] = {"PUSH": "push", "DELETE": "delete"}
    action = actions.get(text_in(detail, "action-type"))
    if action is None or detail.get("result") != "SUCCESS":
        return []
    return [
        PushEvent(
            action=action,
            repository=repository_of(detail.get("repository-name")),
            tag=tag_of(detail.get("image-tag")),
            digest=digest_of_text(detail.get("image-digest")),
            at=read_time(body.get("time")),
            host=host_of_text(f"{body.get('account')}.dkr.ecr.{body.get('region')}.amazonaws.com"),
            delivery=short_text(body.get("id")),
        )
    ]


def _google(body: Body, headers: Headers) -> list[PushEvent]:
    """Pub/Sub's envelope around Base64 around JSON: `{"action", "digest", "tag"}` with whole references."""
    message = object_in(body.get("message"), "message")
    try:
        told = json.loads(base64.b64decode(str(message.get("data")), validate=True))
    except (binascii.Error, ValueError, RecursionError):
        raise Unreadable("the data of its message is not JSON in Base64") from None
    actions: dict[str, Action] = {"INSERT": "push", "DELETE": "delete"}
    action = actions.get(text_in(object_in(told, "data"), "action"))
    if action is None:
        return []
    by_digest, _, digest = str(told.get("digest") or "").partition("@")
    by_tag, colon, tag = str(told.get("tag") or "").rpartition(":")
    host, _, repository = (by_digest or (by_tag if colon else "")).partition("/")
    return [
        PushEvent(
            action=action,
            repository=repository_of(repository),
            tag=tag_of(tag) if colon else None,
            digest=digest_of_text(digest),
            at=read_time(message.get("publishTime")),
            host=host_of_text(host),
            delivery=short_text(message.get("messageId")),
        )
    ]


def _aliyun(body: Body, headers: Headers) -> list[PushEvent]:
    """Docker Hub's shape with a digest; times are local and have no zone, so they are not believed."""
    pushed = object_in(body.get("push_data"), "push_data")
    repository = repository_of(object_in(body.get("repository"), "repository").get("repo_full_name"))
    tag, digest, written = (
        tag_of(pushed.get("tag")),
        digest_of_text(pushed.get("digest")),
        short_text(pushed.get("pushed_at")),
    )
    # The written time makes two pushes of one tag two deliveries, though we cannot tell when it was.
    delivery = f"{repository}:{tag} {digest} {written}" if written else None
    return [PushEvent("push", repository, tag, digest, delivery=delivery)]


def _zot(body: Body, headers: Headers) -> list[PushEvent]:
    """CloudEvents in binary mode: what happened stands in the headers, the body is the data alone."""
    actions: dict[str, Action] = {
        "zotregistry.image.updated": "push",
        "zotregistry.image.deleted": "delete",
    }
    kind = headers.get("ce-type")
    if kind is None:
        raise Unreadable("it has no header `Ce-Type`")
    if kind not in actions:
        return []
    reference = body.get("reference")
    return [
        PushEvent(
            action=actions[kind],
            repository=repository_of(body.get("name")),
            tag=tag_of(reference),
            digest=digest_of_text(body.get("digest")) or digest_of_text(reference),
            at=read_time(headers.get("ce-time")),
            delivery=short_text(headers.get("ce-id")),
        )
    ]


READERS: Mapping[Kind, Reader] = {
    "harbor": _harbor,
    "docker_hub": _docker_hub,
    "quay": _quay,
    "github": _github,
    "distribution": _distribution,
    "azure": _azure,
    "ecr": _ecr,
    "google": _google,
    "aliyun": _aliyun,
    "zot": _zot,
}
