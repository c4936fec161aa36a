"""The rules of an entry that look at images as wholes: keep_last, keep_within, rollbacks, untagged."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from registry_core.policy_rules import Policy
from registry_core.retention_facts import Facts
from registry_core.retention_nodes import Array
from registry_core.retention_order import UNKNOWN, microseconds, order_images
from registry_core.retention_reasons import Reason

_NOT_GIVEN = -1


def reasons_by_rule(facts: Facts) -> tuple[Array, Array]:
    """Reasons of each image by its entry, and how many counted images are newer (-1: not counted, or no date)."""
    shape, as_of = facts.shape, microseconds(facts.evidence.as_of)
    reasons = np.zeros(len(facts.nodes), dtype=np.uint32)
    dated = facts.dates != UNKNOWN
    asked_for_date = ~dated & ~facts.let_go_broken

    def keep(rows: Array, reason: Reason) -> None:
        reasons[rows] |= np.uint32(reason)

    newer = _roll_back(facts, reasons)
    last = _of_entry(facts, lambda entry: entry.keep_last)
    keep(shape.counted & dated & (newer < last), Reason.LAST)
    keep(shape.counted & asked_for_date & (last != _NOT_GIVEN), Reason.UNKNOWN_DATE)
    del last
    for rows, rule in ((shape.stored & shape.own_tag, _within), (shape.alone, _untagged_within)):
        span = _of_entry(facts, rule)  # a number for each image: one after the other
        asked = rows & (span != _NOT_GIVEN)
        keep(asked & dated & (facts.dates >= as_of - span), Reason.WITHIN)
        keep(asked & asked_for_date, Reason.UNKNOWN_DATE)
    kept_untagged = _of_entry(facts, _untagged_stays) == 1
    keep(shape.alone & kept_untagged, Reason.UNTAGGED)
    return reasons, newer


def _roll_back(facts: Facts, reasons: Array) -> Array:
    """Add the rollbacks to `reasons`; how many whole counted images are newer, for each counted one.

    A tagged image is measured in steps of tagged and used ones, so that untagged builds between two releases take no
    step; an untagged image in steps of both. What could not be put back takes no step: there is no way back to it.
    """
    shape, nodes = facts.shape, facts.nodes
    rollbacks = _of_entry(facts, lambda entry: entry.keep_in_use.rollbacks if entry.keep_in_use else None)
    used = facts.use.images & shape.stored
    ranked = shape.counted | shape.alone | (used & ~shape.listed)
    used &= ranked
    order = order_images(nodes, facts.dates, ranked)
    newer = np.full(len(nodes), -1, dtype=np.int32)
    newer[order.rows] = order.newer(shape.takes_place)
    newer[~shape.counted] = -1

    asked = (rollbacks > 0) & ranked
    untagged_too = shape.takes_place | (shape.alone & ~shape.broken) | used
    for rows, counted in ((shape.counted, shape.takes_place | used), (shape.alone, untagged_too)):
        back = order.back_to(used, counted)
        near = order.rows[(back >= 0) & (back <= rollbacks[order.rows])]
        near = near[asked[near] & rows[near] & ~used[near]]
        reasons[near] |= np.uint32(Reason.ROLLBACK)

    undated = facts.dates == UNKNOWN
    lost = nodes.images_per_repository(used & undated) > 0
    reasons[asked & lost[nodes.repository] & ~used] |= np.uint32(Reason.ROLLBACK_UNKNOWN)
    some_used = nodes.images_per_repository(used) > 0
    undated &= ~facts.let_go_broken
    reasons[asked & undated & some_used[nodes.repository] & ~used] |= np.uint32(Reason.UNKNOWN_DATE)
    return newer


def _of_entry(facts: Facts, choose: Callable[[Policy], int | None]) -> Array:
    """A number of the entry of each image, -1 where the entry does not give it."""
    chosen = [choose(entry) for entry in facts.policies.entries]
    given = [_NOT_GIVEN if number is None else number for number in chosen]
    return np.array([*given, _NOT_GIVEN], dtype=np.int64)[facts.entries][facts.nodes.repository]


def _within(entry: Policy) -> int | None:
    return None if entry.keep_within is None else int(entry.keep_within.total_seconds() * 1_000_000)


def _untagged_within(entry: Policy) -> int | None:
    if entry.untagged is None or entry.untagged.keep_within is None:
        return None
    return int(entry.untagged.keep_within.total_seconds() * 1_000_000)


def _untagged_stays(entry: Policy) -> int:
    """Whether the entry keeps untagged images for good: it says so, or it does not speak of them."""
    return int(not entry.protect and (entry.untagged is None or entry.untagged.keep))
