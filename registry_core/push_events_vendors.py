"""What each vendor's body says. One function a vendor, from a JSON object and its headers to events.

Sources: Harbor `src/pkg/notifier`, Docker Hub "Webhooks", Quay "Repository events", GitHub `package` and
`registry_package` webhook events, distribution "Notifications", Azure "Webhook schema reference", zot
`pkg/extensions/events`. Clouds that send by a bus of their own are in `push_events_clouds`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from registry_core import push_events_clouds
from registry_core.foreign_json import entries_of, short_text
from registry_core.media_types import is_manifest, without_parameters
from registry_core.push_event_fields import (
    digest_of_text,
    host_of_text,
    likely,
    object_in,
    object_or_none,
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


#: By the names of Harbor 2 in both of its formats, and of Harbor 1.9 and 1.10.
_HARBOR_ACTIONS: Mapping[str, Action] = {
    "PUSH_ARTIFACT": "push",
    "harbor.artifact.pushed": "push",
    "pushImage": "push",
    "DELETE_ARTIFACT": "delete",
    "harbor.artifact.deleted": "delete",
    "deleteImage": "delete",
}


def _harbor(body: Body, headers: Headers) -> list[PushEvent]:
    """Both formats: Default, and CloudEvents, whose `data` is the same. Harbor 1 sends the first, with other names."""
    kind, data, at = text_in(body, "type"), body.get("event_data"), time_of_seconds(body.get("occur_at"))
    if "specversion" in body:
        data, at = body.get("data"), read_time(body.get("time"))
    if kind not in _HARBOR_ACTIONS:
        return []
    told = object_in(data, "event_data")
    named = object_in(told.get("repository"), "repository")
    repository = repository_of(named.get("repo_full_name") or f"{named.get('namespace')}/{named.get('name')}")
    resources = entries_of(told, "resources")
    if not resources:
        raise Unreadable("it names no resource")
    return [
        PushEvent(
            action=_HARBOR_ACTIONS[kind],
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
    repository = repository_of(body.get("repository"))
    host = host_of_text(str(body.get("docker_url") or "").partition("/")[0])
    written = body.get("updated_tags")
    if isinstance(written, dict):  # older versions: from tag to the id of an image, which is no digest of a manifest
        tags = list(written.items())
    elif isinstance(written, list):
        tags = [_quay_tag(one) for one in written]
    else:
        return []
    pushed = [(tag_of(tag), digest_of_text(digest)) for tag, digest in tags]
    return [PushEvent("push", repository, tag, digest, host=host) for tag, digest in pushed if tag]


def _quay_tag(written: object) -> tuple[object, object]:
    if isinstance(written, dict):
        return written.get("name"), written.get("manifest_digest")
    return written, None


def _github(body: Body, headers: Headers) -> list[PushEvent]:
    """An event for each manifest, tagged or not. What happened to it is spelled in several ways (`published`, `create`,
    `updated`); on a deletion nothing is sent by GitHub itself, and all else that is said of a version means that it is
    there."""
    if headers.get("x-github-event") == "ping":
        return []
    package = body.get("package", body.get("registry_package"))
    told = object_in(package, "package")
    container = object_or_none(told.get("package_version"), "container_metadata")
    kind = (text_in(told, "package_type") or text_in(told, "ecosystem")).lower()
    if container is None and kind not in ("container", "docker"):
        return []  # a package of another ecosystem
    version = object_in(told.get("package_version"), "package_version")
    gone = text_in(body, "action").lower() in ("deleted", "delete")
    url = short_text(version.get("package_url")) or ""
    host, _, rest = url.partition("/")
    name, _, tag = rest.partition(":")
    named = object_or_none(container, "tag") or {}
    return [
        PushEvent(
            action="delete" if gone else "push",
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
    return _distribution_event(body, only_images=True)


def _distribution_event(event: Body, *, only_images: bool = False) -> list[PushEvent]:
    """`only_images`: the sender tells of nothing else, so that a media type may be missing."""
    actions: dict[str, Action] = {"push": "push", "delete": "delete", "mount": "push"}
    action = actions.get(text_in(event, "action"))
    target = event.get("target")
    if action is None or not isinstance(target, dict) or not _is_image(action, target, only_images):
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


def _is_image(action: Action, target: Body, only_images: bool) -> bool:
    """A manifest, and no blob. Where no media type is told, as in every deletion, a blob is known by its address."""
    media_type = target.get("mediaType")
    if isinstance(media_type, str) and media_type:
        return is_manifest(without_parameters(media_type))
    url = str(target.get("url") or "")
    if "/blobs/" in url:
        return False
    return action == "delete" or only_images or "/manifests/" in url


def _zot(body: Body, headers: Headers) -> list[PushEvent]:
    """CloudEvents, structured or in binary mode: then what happened is in the headers, the body is the data alone."""
    actions: dict[str, Action] = {
        "zotregistry.image.updated": "push",
        "zotregistry.image.deleted": "delete",
    }
    kind, at, delivery = headers.get("ce-type"), headers.get("ce-time"), headers.get("ce-id")
    if kind is None and "specversion" in body:
        kind, at, delivery = text_in(body, "type"), text_in(body, "time"), text_in(body, "id")
        body = object_in(body.get("data"), "data") if kind in actions else {}
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
            at=read_time(at),
            delivery=short_text(delivery),
        )
    ]


READERS: Mapping[Kind, Reader] = {
    "harbor": _harbor,
    "docker_hub": _docker_hub,
    "quay": _quay,
    "github": _github,
    "distribution": _distribution,
    "azure": _azure,
    "ecr": push_events_clouds.ecr,
    "google": push_events_clouds.google,
    "aliyun": push_events_clouds.aliyun,
    "zot": _zot,
}
