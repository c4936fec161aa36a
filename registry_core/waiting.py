"""Waiting: what automation does not make yet, because evidence that it requires is not there.

Only what is required is waited for. A source that is not required (`required: false`, a registry beside others) never
appears here: what is made without it says so itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby

from registry_core.monitoring_evidence import span_in_words


@dataclass(frozen=True, slots=True)
class Lack:
    """One thing that is required and not there.

    `kind` and `source` name what must be read (`inventory`, `new`); `never_read` says that it was never read at all,
    and not that it is too old or was not read whole. `why` is a clause for a person: `the inventory of new was never
    read`.
    """

    kind: str
    source: str
    why: str
    never_read: bool = True

    @classmethod
    def of_never_read(cls, kind: str, source: str) -> Lack:
        return cls(kind, source, f"the {kind} of {source} was never read")


@dataclass(frozen=True, slots=True)
class Wait:
    """An asset (`partition` None: one for the whole site) that is not made before `lacks` are there.

    `since` is when the first evidence was read that could not be used yet; None where nothing was read at all.
    """

    asset: str
    partition: str | None
    lacks: tuple[Lack, ...]
    since: datetime | None = None


def waits_in_words(waits: Sequence[Wait], now: datetime) -> list[str]:
    """A sentence for all waits that lack the same (many registries wait for one cluster), the longest wait first."""
    ordered = sorted(waits, key=_whys)
    sentences: list[tuple[datetime, str]] = []
    for whys, group in groupby(ordered, key=_whys):
        alike = list(group)
        since = _oldest(alike)
        sentences.append((since or now, f"{who_waits(alike, now)}: {'; '.join(whys)}"))
    return [sentence for _, sentence in sorted(sentences)]


def who_waits(waits: Sequence[Wait], now: datetime) -> str:
    """`health_report and image_usage of backup, main wait since 2026-11-23 14:00 UTC (7 days)`."""
    return f"{_names(waits)}{_since(_oldest(waits), now)}"


def _whys(wait: Wait) -> list[str]:
    return [lack.why for lack in wait.lacks]


def _names(waits: Sequence[Wait]) -> str:
    """`health_report and image_usage of backup, main wait`."""
    partitions: dict[str, list[str]] = {}
    for wait in waits:
        partitions.setdefault(wait.asset, []).extend([] if wait.partition is None else [wait.partition])
    assets: dict[str, list[str]] = {}
    for asset, names in partitions.items():
        assets.setdefault(", ".join(sorted(names)), []).append(asset)
    parts = [_listed(sorted(alike)) + (f" of {names}" if names else "") for names, alike in assets.items()]
    return f"{'; '.join(parts)} {'waits' if len(waits) == 1 else 'wait'}"


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _oldest(waits: Sequence[Wait]) -> datetime | None:
    return min((wait.since for wait in waits if wait.since is not None), default=None)


def _since(since: datetime | None, now: datetime) -> str:
    if since is None:
        return ""
    return f" since {since.astimezone(UTC):%Y-%m-%d %H:%M} UTC ({span_in_words(max(now - since, timedelta(0)))})"
