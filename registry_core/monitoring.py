"""Monitoring: the answer of `/_nagios_check_registry`, in the states and texts of the predecessor.

Its users' checks read the first word, or look for the words anywhere; so no line below the first holds one of
them in capitals.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from registry_core.monitoring_evidence import SourceEvidence, Standing
from registry_core.monitoring_troubles import PULL_ERROR, Trouble
from registry_core.monitoring_uses import GROUNDS, Ground

State = Literal["OK", "WARNING", "CRITICAL", "ERROR"]

#: What a Nagios plugin ends with (Monitoring Plugins Development Guidelines, "Plugin Return Codes").
EXIT_CODES: dict[State, int] = {"OK": 0, "WARNING": 1, "CRITICAL": 2, "ERROR": 3}

#: How long a service that has just started waits for a first report.
JUST_STARTED = timedelta(minutes=5)

_MOST_UNREAD = 10

NOT_YET = "OK: No registry check available yet"
UNAVAILABLE = "ERROR: Registry check is unavailable and pod is old enough!"
NOTHING_WRONG = "OK: No missing images anywhere"


@dataclass(frozen=True, slots=True)
class Moment:
    """When the question is asked, and how long the one who answers has been running."""

    now: datetime
    uptime: timedelta


@dataclass(frozen=True, slots=True)
class CheckAnswer:
    """First line, and a line for each image (or for each source that is not fresh)."""

    state: State
    first: str
    lines: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        return "\n".join((self.first, *self.lines)) + "\n"

    @property
    def exit_code(self) -> int:
        return EXIT_CODES[self.state]

    @property
    def healthy(self) -> bool:
        """Whether the check itself could be made; False is answered with 503, as the predecessor did."""
        return self.state != "ERROR"


def answer_check(sources: Sequence[SourceEvidence], troubles: Sequence[Trouble] | None, moment: Moment) -> CheckAnswer:
    """What to tell a monitoring system. `troubles` is None where they cannot be told yet.

    Stale evidence is an error, never well. One thing goes before it: a pull error in production that a cluster
    reports whose own inventory is fresh, for that is certain whatever else is not known.
    """
    standing = {source: source.standing(moment.now) for source in sources if source.needed}
    stale = _told(standing, "stale", moment.now)
    missing = _told(standing, "missing", moment.now)
    fresh = {
        source.source for source in sources if source.kind == "inventory" and source.standing(moment.now) == "fresh"
    }
    certain = [trouble for trouble in troubles or () if trouble.failing_in_prod & fresh]
    unread = _unread(standing)
    if certain and troubles is not None:
        return _critical(troubles, [*(f"not known: {line}" for line in (*stale, *missing)), *unread])
    if stale:
        return CheckAnswer("ERROR", f"ERROR: Registry check is out of date: {stale[0]}", (*stale[1:], *missing))
    if missing or troubles is None:
        young = moment.uptime < JUST_STARTED
        return CheckAnswer("OK" if young else "ERROR", NOT_YET if young else UNAVAILABLE, missing)
    judged = _judged(troubles)
    return replace(judged, lines=(*judged.lines, *unread))


def _unread(standing: dict[SourceEvidence, Standing]) -> tuple[str, ...]:
    """Repositories that fresh catalogs could not read. Without the registry's own words, which hold capitals."""
    gaps = [
        f"{source.name}: {gap.place} is {gap.fault}"
        for source, known in standing.items()
        if known == "fresh" and source.kind == "catalog"
        for gap in source.gaps
    ]
    more = (f"not known: {len(gaps) - _MOST_UNREAD} more places",) if len(gaps) > _MOST_UNREAD else ()
    return (*(f"not known: {one_line(gap)}" for gap in gaps[:_MOST_UNREAD]), *more)


def _told(standing: dict[SourceEvidence, Standing], wanted: Standing, now: datetime) -> tuple[str, ...]:
    return tuple(one_line(source.why(now)) for source, known in standing.items() if known == wanted)


def _critical(troubles: Sequence[Trouble], remarks: Sequence[str]) -> CheckAnswer:
    failing = [trouble for trouble in troubles if trouble.failing_in_prod]
    rest = [trouble for trouble in troubles if not trouble.failing_in_prod]
    first = (
        f"CRITICAL: Missing images: {len(failing)} ImagePullBackOff errors in prod. Otherwise:"
        f" {_count(rest, 'prod')} image problems in prod, {_count(rest, 'staging')} in staging,"
        f" and {_count(rest, 'other')} in other namespaces"
    )
    lines = [f"{PULL_ERROR}: {one_line(trouble.reference)} ({_but(trouble)})" for trouble in failing]
    return CheckAnswer("CRITICAL", first, (*lines, *_lines(rest), *remarks))


def _judged(troubles: Sequence[Trouble]) -> CheckAnswer:
    """For troubles of which none is a pull error in production."""
    if any(trouble.failing_in_prod for trouble in troubles):
        return _critical(troubles, ())
    prod, staging, other = (_count(troubles, ground) for ground in GROUNDS)
    if prod:
        first = (
            f"WARNING: Missing images: 0 ImagePullBackOff errors in prod, {prod} errors in prod, {staging} in"
            f" staging, and {other} in other namespaces"
        )
        return CheckAnswer("WARNING", first, _lines(troubles))
    if staging:
        first = f"WARNING: Missing images: {staging} errors in stage and {other} in other namespaces"
        return CheckAnswer("WARNING", first, _lines(troubles))
    if other:
        first = f"OK: Missing images: {other} errors in non-production, non-stage namespaces"
        return CheckAnswer("OK", first, _lines(troubles))
    return CheckAnswer("OK", NOTHING_WRONG)


def _count(troubles: Collection[Trouble], ground: Ground) -> int:
    return sum(trouble.ground == ground for trouble in troubles)


def _lines(troubles: Sequence[Trouble]) -> tuple[str, ...]:
    """A line an image, the gravest ground first."""
    graver = sorted(troubles, key=lambda trouble: GROUNDS.index(trouble.ground))
    return tuple(f"{list(one.wrongs)}: {one_line(one.reference)} ({_where(one) or _NOWHERE})" for one in graver)


_NOWHERE = "and not running anywhere"


def _but(trouble: Trouble) -> str:
    where = _where(trouble)
    return f"but {where}" if where else _NOWHERE


def _where(trouble: Trouble) -> str:
    if trouble.running_on:
        return f"is running on: {', '.join(trouble.running_on)}"
    return f"has run on: {', '.join(trouble.ran_on)}" if trouble.ran_on else ""


def one_line(text: str) -> str:
    """A text from outside on one line; `|` would begin performance data in a Nagios plugin's output."""
    visible = "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)
    return visible.replace("|", "¦")
