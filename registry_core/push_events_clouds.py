"""What clouds say through a bus of their own: Amazon by EventBridge, Google by Pub/Sub, Alibaba by its console.

Sources: Amazon ECR "Events and EventBridge", Google Artifact Registry "Pub/Sub notifications" and Pub/Sub "Payload
unwrapping", Alibaba ACR "Manage webhooks". One function a cloud, as in `push_events_vendors`.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from registry_core.foreign_json import read_json, short_text
from registry_core.push_event_fields import (
    digest_of_text,
    host_of_text,
    object_in,
    repository_of,
    tag_of,
    text_in,
)
from registry_core.push_events import Action, PushEvent, Unreadable
from registry_core.rfc3339 import read_time

Body = Mapping[str, Any]
Headers = Mapping[str, str]


def ecr(body: Body, headers: Headers) -> list[PushEvent]:
    """EventBridge's envelope; the host is not in it, and made of account and region. What is replicated into a
    registry, or comes through its pull-through cache, is there as if it had been pushed."""
    kind = body.get("detail-type")
    if not isinstance(kind, str):
        raise Unreadable("it has no `detail-type`; send the event whole, without an input transformer")
    detail = body.get("detail") if kind in _ECR_ACTIONS else {}
    told = object_in(detail, "detail")
    action = _ECR_ACTIONS.get(kind, {}).get(text_in(told, "action-type"))
    if action is None or "SUCCESS" not in (told.get("result"), told.get("sync-status")):
        return []
    return [
        PushEvent(
            action=action,
            repository=repository_of(told.get("repository-name")),
            tag=tag_of(told.get("image-tag")),
            digest=digest_of_text(told.get("image-digest")),
            at=read_time(body.get("time")),
            host=host_of_text(f"{body.get('account')}.dkr.ecr.{body.get('region')}.amazonaws.com"),
            delivery=short_text(body.get("id")),
        )
    ]


#: By the type of the event and its `action-type`, which the cache does not send.
_ECR_ACTIONS: Mapping[str, Mapping[str, Action]] = {
    "ECR Image Action": {"PUSH": "push", "DELETE": "delete"},
    "ECR Replication Action": {"REPLICATE": "push"},
    "ECR Pull Through Cache Action": {"": "push"},
}


def google(body: Body, headers: Headers) -> list[PushEvent]:
    """Pub/Sub's envelope around Base64 around JSON: `{"action", "digest", "tag"}` with whole references. A subscription
    with payload unwrapping sends the inner JSON alone, and the envelope, if at all, in headers."""
    message: Body = {
        "messageId": headers.get("x-goog-pubsub-message-id"),
        "publishTime": headers.get("x-goog-pubsub-publish-time"),
    }
    told: object = body
    if "message" in body or "action" not in body:
        message = object_in(body.get("message"), "message")
        try:
            told = read_json(base64.b64decode(str(message.get("data")), validate=True))
        except ValueError:  # that of Base64, too
            raise Unreadable("the data of its message is not JSON in Base64") from None
    told = object_in(told, "data")
    actions: dict[str, Action] = {"INSERT": "push", "DELETE": "delete"}
    action = actions.get(text_in(told, "action"))
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


def aliyun(body: Body, headers: Headers) -> list[PushEvent]:
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
