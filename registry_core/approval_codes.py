"""One-time codes: which are believed. Each once, none after too many wrong ones.

Six digits can be guessed by whoever may try as often as they like. So after a few wrong codes of one person none of
theirs is believed for a while, and a right one neither: else each guess would still tell whether it was right.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from registry_core.errors import ApprovalMissing, WrongCode
from registry_core.policy_spans import print_age

#: So many wrong codes of one person within this span, and none is believed until the first of them is as old.
MOST_WRONG_CODES = 5
WRONG_CODES_WITHIN = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class CodesSeen:
    """What is known of the codes of one person: `spent` time steps, and when wrong ones were given.

    `wrong_now`: the code of the decision at hand is wrong, as whoever has the secret found.
    """

    spent: tuple[int, ...] = ()
    wrong_at: tuple[datetime, ...] = ()
    wrong_now: bool = False


def check_code(name: str, counter: int | None, seen: CodesSeen, *, now: datetime) -> None:
    """Believe the code of this time step, or raise ApprovalMissing; WrongCode for one that has to be counted."""
    if (until := locked_until(seen.wrong_at, now=now)) is not None:
        raise ApprovalMissing(
            f"{name} gave {MOST_WRONG_CODES} wrong one-time codes within {_span()}, so none is believed until"
            f" {until.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC (for {print_age(until - now)}), a right one neither; try"
            " again then, and find out who tried if it was not you"
        )
    if seen.wrong_now:
        left = MOST_WRONG_CODES - 1 - len(_recent(seen.wrong_at, now))
        warning = f"{left} more may be" if left else "none is believed for a while now"
        raise WrongCode(
            f"the one-time code of {name} is wrong; enter the code that is shown now ({MOST_WRONG_CODES} wrong ones"
            f" within {_span()} are too many, {warning})"
        )
    if counter is None:
        raise ApprovalMissing(f"{name} has a one-time code set up and gave none; enter the code")
    if counter <= max(seen.spent, default=-1):
        raise ApprovalMissing(f"the one-time code of {name} was used before; wait for the next one")


def locked_until(wrong_at: Iterable[datetime], *, now: datetime) -> datetime | None:
    """When codes are believed again; None where they are. What was wrong in the future is a clock's fault, and counts
    as now."""
    recent = _recent(wrong_at, now)
    return recent[-MOST_WRONG_CODES] + WRONG_CODES_WITHIN if len(recent) >= MOST_WRONG_CODES else None


def _recent(wrong_at: Iterable[datetime], now: datetime) -> list[datetime]:
    return sorted(min(at, now) for at in wrong_at if now - at < WRONG_CODES_WITHIN)


def _span() -> str:
    return f"{WRONG_CODES_WITHIN // timedelta(minutes=1)} minutes"
