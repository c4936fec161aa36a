"""A replication's status in words and rows, the same for the terminal, Dagster and programs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from registry_core.replication_status import LAGS, Behind, Gone, Lag, ReplicationStatus

#: A row a replication.
STATUS_COLUMNS = (
    "replication", "from", "to", "state", "why", "images", "in_step", "behind_since", "failing_since", "last_run_at",
    "last_good_run_at", "deleted_at_source", "events_waiting", "as_of", "rule", "standing",
)  # fmt: skip

#: A row for each image that is not in step, and for each that only the destination still has (`deleted at the source`).
DETAIL_COLUMNS = ("replication", "image", "to_repository", "digest", "tags", "lag", "why", "since", "failing_since")

DELETED = "deleted at the source, still at the destination"

_LAG_TEXT: dict[Lag, str] = {
    "unreadable": "cannot be read at the source",
    "conflict": "in conflict",
    "failing": "failing",
    "part only": "there in part",
    "not there": "not copied yet",
    "tag elsewhere": "with a tag that points elsewhere",
    "unknown": "not known",
}


def status_row(status: ReplicationStatus) -> dict[str, Any]:
    """STATUS_COLUMNS of one replication."""
    runs = status.runs
    return {
        "replication": status.rule.name,
        "from": status.rule.source,
        "to": status.rule.destination,
        "state": status.state,
        "why": why_text(status),
        "images": status.wanted,
        "in_step": status.in_step,
        "behind_since": status.behind_since,
        "failing_since": status.failing_since,
        "last_run_at": None if runs is None else runs.began_at,
        "last_good_run_at": None if runs is None else runs.ended_well_at,
        "deleted_at_source": len(status.gone),
        "events_waiting": status.events_waiting,
        "as_of": status.as_of,
        "rule": status.fingerprint[:12],
        "standing": status.standing,
    }


def detail_rows(status: ReplicationStatus) -> Iterator[dict[str, Any]]:
    """DETAIL_COLUMNS, the gravest first."""
    for one in status.behind:
        yield _behind_row(status.rule.name, one)
    for gone in status.gone:
        yield _gone_row(status.rule.name, gone)


def _behind_row(name: str, one: Behind) -> dict[str, Any]:
    return {
        "replication": name,
        "image": one.name,
        "to_repository": one.to_repository,
        "digest": one.digest,
        "tags": list(one.tags),
        "lag": one.lag,
        "why": one.why,
        "since": one.since,
        "failing_since": one.failing_since,
    }


def _gone_row(name: str, one: Gone) -> dict[str, Any]:
    return {
        "replication": name,
        "image": f"{one.repository}:{one.tag}",
        "to_repository": one.to_repository,
        "digest": one.digest,
        "tags": [one.tag],
        "lag": DELETED,
        "why": f"nothing deletes it by itself; `registry-pipelines replication plan-deletions {name}` plans it",
        "since": one.replicated_at,
        "failing_since": None,
    }


def why_text(status: ReplicationStatus) -> str:
    """What keeps it from being in step, in a few words; empty where nothing does."""
    parts = []
    if status.standing == "waiting":
        parts.append(f"the rule {status.fingerprint[:12]} waits for a decision")
    elif status.standing == "rejected":
        parts.append(f"the rule {status.fingerprint[:12]} was rejected or replaced")
    if status.runs is not None and status.runs.failing_since is not None:
        parts.append(status.runs.why)
    parts += [f"{count:,} {_LAG_TEXT[lag]}" for lag in LAGS if (count := status.count(lag))]
    failing = next((one for one in status.behind if one.failing_since is not None), None)
    if failing is not None:
        parts.append(f"first {failing.name}: {failing.why}")
    if waiting := status.events_waiting:
        wait = "push event waits" if waiting == 1 else "push events wait"
        parts.append(f"{waiting:,} {wait}, so the source may have changed")
    parts += status.unread[:2]
    return "; ".join(parts)


def status_sentence(status: ReplicationStatus) -> str:
    """The whole of it in one sentence or two."""
    rule = status.rule
    where = f"{rule.source} → {rule.destination}"
    counts = f"{status.in_step:,} of {status.wanted:,} images in step"
    since = _since(status)
    why = why_text(status)
    gone = (
        f" {len(status.gone):,} are deleted at the source and still at the destination: nothing deletes them by itself."
        if status.gone
        else ""
    )
    return f"**{status.state.capitalize()}{since}** ({where}): {counts}{'; ' + why if why else ''}.{gone}"


def _since(status: ReplicationStatus) -> str:
    at = {"failing": status.failing_since, "behind": status.behind_since}.get(status.state)
    return f" since {_moment(at)}" if at is not None else ""


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
