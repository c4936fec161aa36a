"""Read a plan back from its JSON, and prove that it is the one that was filed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from registry_core.errors import Refused
from registry_core.plans import P
from registry_core.retention_evidence import Snapshot


def read_plan_document(
    value: object, build: Callable[[Mapping[str, Any]], P], *, known_format: str, expected: str | None = None
) -> P:
    """A plan from its JSON (bytes, text, or what came of parsing it); `build` makes it of the parsed object.

    `expected` is the fingerprint it was filed under. Raises Refused for an unknown format, a plan that lacks
    something, and a fingerprint that does not match.
    """
    try:
        read = json.loads(value) if isinstance(value, (bytes, str)) else value
    except ValueError as error:
        raise Refused(f"cannot read the plan: it is no JSON ({error}); make a new one") from error
    named = read.get("format") if isinstance(read, Mapping) else None
    if not isinstance(read, Mapping) or named != known_format:
        raise Refused(
            f"cannot read the plan: its format is {named!r} and this version knows {known_format!r}; make a new plan"
        )
    try:
        plan = build(read)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Refused(f"cannot read the plan: something is missing or wrong ({error}); make a new one") from error
    if isinstance(value, bytes) and hashlib.sha256(value).hexdigest() == expected:
        return plan  # the very bytes that were filed
    if expected is not None and plan.fingerprint != expected:
        raise Refused(
            f"the plan was filed as {expected[:12]} and its content has the fingerprint {plan.fingerprint[:12]}:"
            " it was changed, so nothing is done with it; make a new plan"
        )
    return plan


def print_time(time: datetime) -> str:
    """An aware time as plans write it: UTC, ISO 8601, `Z`."""
    return time.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def parse_time(text: str) -> datetime:
    """The time back. Raises ValueError where it has no time zone."""
    time = datetime.fromisoformat(text)
    if time.utcoffset() is None:
        raise ValueError(f"the time {text!r} has no time zone")
    return time


def print_snapshot(snapshot: Snapshot) -> dict[str, Any]:
    """Which snapshot it was, and of when; what it held is in the history."""
    return {"id": snapshot.id, "as_of": print_time(snapshot.as_of)}


def parse_snapshot(value: Mapping[str, Any]) -> Snapshot:
    """The snapshot back, without its coverage."""
    return Snapshot(id=value["id"], as_of=parse_time(value["as_of"]))
