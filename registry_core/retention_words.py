"""Reasons in words: what a person reads in a plan, or asks for with `plan explain`.

Made on demand from the bits, because texts for five million images would be larger than all the rest.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property, lru_cache

import numpy as np
import pandas as pd

from registry_core.digests import shortened
from registry_core.manifest_graph import ManifestGraph
from registry_core.policy_rules import Policy
from registry_core.policy_spans import FOREVER, NOW, print_span, print_window
from registry_core.retention_alike import find_alike
from registry_core.retention_facts import Facts
from registry_core.retention_names import Names, listed
from registry_core.retention_nodes import Array
from registry_core.retention_reasons import Reason

# Plain integers: `&` of an enumeration takes longer than making the sentence.
(
    _PROTECTED, _NO_POLICY, _UNREADABLE, _NOT_READ_WHOLE, _MAY_BELONG, _GONE, _IN_USE, _ROLLBACK,
    _ROLLBACK_UNKNOWN, _TAG, _VERSION, _LAST, _WITHIN, _UNKNOWN_DATE, _UNTAGGED, _BELONGS, _SUBJECT,
    _VENDOR, _VENDOR_UNKNOWN, _BROKEN, _SUBJECT_UNREAD, _VERSION_ORDER,
) = (int(reason) for reason in Reason)  # fmt: skip
_AT_ONCE = 250_000  #: rows looked at together: the arrays about them take more memory than their words
_UNKNOWN = _UNREADABLE | _NOT_READ_WHOLE | _MAY_BELONG | _GONE | _SUBJECT_UNREAD
_BY_RULE = (
    _ROLLBACK | _ROLLBACK_UNKNOWN | _TAG | _VERSION | _VERSION_ORDER | _LAST | _WITHIN | _UNKNOWN_DATE | _UNTAGGED
)


@dataclass(frozen=True)
class Words:
    """Says the reasons of images, by row of the catalog's images."""

    facts: Facts
    newer: Array = field(repr=False)
    reasons: Array = field(repr=False)
    tag_reasons: Array = field(repr=False)

    @cached_property
    def names(self) -> Names:
        return Names(self.facts)

    @property
    def _protection(self) -> pd.Series[str]:
        return self.facts.nodes.catalog.images["protection"]

    @property
    def _graph(self) -> ManifestGraph:
        return self.facts.nodes.graph

    def of(self, row: int) -> tuple[str, ...]:
        return self.of_many(np.array([row]))[0]

    def of_many(self, rows: Array) -> list[tuple[str, ...]]:
        """All reasons of each row, in the order in which a person would ask for them. Rows of which the same is
        said share one tuple."""
        told: dict[tuple[str, ...], tuple[str, ...]] = {}
        return [
            words
            for start in range(0, len(rows), _AT_ONCE)
            for words in self._of_part(rows[start : start + _AT_ONCE], told)
        ]

    def _of_part(self, rows: Array, told: dict[tuple[str, ...], tuple[str, ...]]) -> list[tuple[str, ...]]:
        alike = find_alike(self.facts, rows, reasons=self.reasons, newer=self.newer)
        repository = self.facts.nodes.repository[alike.first]
        columns = (
            alike.first,
            self.reasons[alike.first],
            self._days(alike.first),
            self.facts.entries[repository],
            self.facts.emptied[repository],
        )
        each = [
            tuple(self._why_kept(row, reasons, day, number))
            if reasons
            else tuple(self._why_not(row, day, number, emptied))
            for row, reasons, day, number, emptied in zip(*(column.tolist() for column in columns), strict=True)
        ]
        each = [told.setdefault(words, words) for words in each]
        return [each[kind] for kind in alike.kind.tolist()]

    def _days(self, rows: Array) -> Array:
        return np.datetime_as_string(self.facts.dates[rows].view("datetime64[us]"), unit="D")

    def _why_kept(self, row: int, reasons: int, day: str, number: int) -> Iterator[str]:
        entry = self.facts.policies.entries[number] if number >= 0 else None
        if _PROTECTED & reasons:
            yield f"policies[{number}] protects the repository"
        if _NO_POLICY & reasons:
            yield "no policy matches the repository, so it is kept whole"
        if _VENDOR & reasons:
            yield str(self._protection.iloc[row])
        if _VENDOR_UNKNOWN & reasons:
            yield f"{self._protection.iloc[row]}, so kept"
        if _UNKNOWN & reasons:
            yield from self._unknown(row, reasons)
        if _BROKEN & reasons:
            yield f"could not be put back: {self.why_broken(row)}"
        if _IN_USE & reasons:
            yield self.names.in_use(row)
        if entry is not None and _BY_RULE & reasons:
            yield from self._by_rule(row, reasons, day, entry)
        if _BELONGS & reasons:
            yield self._belongs(row, goes=False)
        if _SUBJECT & reasons:
            kept = [referrer for referrer in self._graph.referrers.of(row).tolist() if self.reasons[referrer]]
            yield f"{self.names.labels(kept)} stays and refers to it"

    def _by_rule(self, row: int, reasons: int, day: str, entry: Policy) -> Iterator[str]:
        used = entry.keep_in_use
        if _ROLLBACK & reasons and used is not None:
            yield f"within {_steps(used.rollbacks)} before one in use"
        if _ROLLBACK_UNKNOWN & reasons:
            yield "perhaps one to roll back to, as an image in use is of unknown date, so kept"
        if _TAG & reasons:
            yield f"{self._tags_with(row, _TAG)} by keep_tags {', '.join(entry.keep_tags)}"
        if _VERSION & reasons and entry.keep_versions is not None:
            rule = entry.keep_versions
            yield f"{self._tags_with(row, _VERSION)} by keep_versions (last {rule.last}, per {rule.per})"
        if _VERSION_ORDER & reasons:
            yield f"{self._tags_with(row, _VERSION_ORDER)}: pushed after a version that keep_versions takes for newer"
        if _LAST & reasons:
            yield "the newest image" if entry.keep_last == 1 else f"one of the newest {entry.keep_last} images"
        if _WITHIN & reasons:
            own_tag = bool(self.facts.shape.own_tag[row])
            within = entry.keep_within if own_tag else entry.untagged and entry.untagged.keep_within
            yield f"of {day}, within {'' if own_tag else 'untagged.'}keep_within {print_span(within)}" if within else ""
        if _UNKNOWN_DATE & reasons:
            yield "of unknown date, so kept"
        if _UNTAGGED & reasons:
            yield self._untagged_as(row) + (
                "and untagged.keep is true" if entry.untagged else "and no rule speaks of those"
            )

    def _unknown(self, row: int, reasons: int) -> Iterator[str]:
        nodes = self.facts.nodes
        if _GONE & reasons:
            yield "the registry no longer has it, so there is nothing to delete"
        if _UNREADABLE & reasons:
            image = nodes.catalog.images.iloc[row]
            detail = f": {image['detail']}" if isinstance(image["detail"], str) and image["detail"] else ""
            fault = image["fault"] if isinstance(image["fault"], str) else image["config_fault"]
            yield f"unreadable ({fault}{detail}), so kept"
        if _NOT_READ_WHOLE & reasons:
            gap = self.facts.evidence.gap_of(nodes.names[nodes.repository[row]])
            why = f"{gap.fault}: {gap.detail}" if gap else "a tag or a manifest could not be read"
            yield f"the repository was not read whole ({why}), so kept"
        if _MAY_BELONG & reasons:
            yield "untagged, and may belong to an unreadable image of the repository, so kept"
        if _SUBJECT_UNREAD & reasons:
            yield "refers to an image that is not known, and not all of the registry was read, so kept"

    def why_broken(self, row: int) -> str:
        """Which part of a broken image is lost: `its child sha256:0123456789ab… is missing`; empty for one that is
        whole."""
        shape, images = self.facts.shape, self.facts.nodes.catalog.images
        if not shape.broken[row]:
            return ""
        if images["fault"].iloc[row] == "corrupt":
            return "its manifest is corrupt"
        if (fault := images["config_fault"].iloc[row]) in ("missing", "corrupt"):
            return f"its config is {fault}"
        listed_here = self._graph.children.of(row).tolist()
        here = {self.names.digest[child] for child in listed_here}
        lost = [digest for digest in self.names.lost_children.get(self.names.digest[row], ()) if digest not in here]
        lost += [self.names.digest[child] for child in listed_here if not shape.stored[child]]
        if lost:
            names = listed([shortened(digest) for digest in sorted(set(lost))])
            return f"its child {names} is missing" if len(set(lost)) == 1 else f"its children {names} are missing"
        # By digest, not by row: the words are part of the plan, and so of its fingerprint.
        broken = min((child for child in listed_here if shape.broken[child]), key=self.names.digest.__getitem__)
        return f"its child {self.names.label(broken)} could not be either"

    def _untagged_as(self, row: int) -> str:
        """What makes an image one for the rule `untagged`."""
        named = bool(self.facts.subjects.tagged_for_unknown[row])
        return "tagged only for an image that is not stored, " if named else "untagged, "

    def _tags_with(self, row: int, bit: int) -> str:
        tags = sorted(self.names.tag[tag] for tag in self.names.tags.of(row) if self.tag_reasons[tag] & bit)
        return f"{'tag' if len(tags) == 1 else 'tags'} {listed(tags)} kept"

    def _belongs(self, row: int, *, goes: bool) -> str:
        stored = self.facts.shape.stored
        fate = "which goes" if goes else "which stays"
        for verb, owners in (
            ("part of", self._graph.parents),
            ("refers to", self._graph.subjects),
            ("refers to", self.facts.subjects.abroad_subjects),
        ):
            rows = [owner for owner in owners.of(row).tolist() if stored[owner] and goes == (self.reasons[owner] == 0)]
            if rows:
                return f"{verb} {self.names.labels(rows, seen_from=row)}, {fate}"
        return f"belongs to another image, {fate}"

    def _why_not(self, row: int, day: str, number: int, emptied: bool) -> Iterator[str]:
        if emptied:
            yield f"{_unused(self.facts.policies.entries[number])}, and policies[{number}].when_unused is evict"
        elif self.facts.shape.own_tag[row]:
            yield from self._tagged[number]
            yield from self._dated(row, day, self.facts.policies.entries[number])
        elif self.facts.shape.dependent[row]:
            yield self._belongs(row, goes=True)
        else:
            entry = self.facts.policies.entries[number]
            if entry.keep_tags and self.facts.subjects.tagged_for_unknown[row]:
                yield f"no tag matches keep_tags {', '.join(entry.keep_tags)}"
            yield self._untagged[number].format(day=day, what=self._untagged_as(row))
        if self.facts.shape.broken[row]:
            yield f"could not be put back ({self.why_broken(row)}), and policies[{number}].broken.evict is true"

    def _dated(self, row: int, day: str, entry: Policy) -> Iterator[str]:
        if entry.keep_last is not None:
            yield _newer_words(int(self.newer[row]), entry.keep_last)
        if entry.keep_within is not None:
            yield _day_words(day, entry.keep_within)

    @cached_property
    def _tagged(self) -> list[tuple[str, ...]]:
        """For each entry, what is said of every tagged image that it lets go."""
        return [tuple(_refusals(entry)) for entry in self.facts.policies.entries]

    @cached_property
    def _untagged(self) -> list[str]:
        told = []
        for entry in self.facts.policies.entries:
            within = entry.untagged.keep_within if entry.untagged else None
            rule = "and untagged.keep is false"
            if within is not None:
                rule = f"of {{day}}, older than untagged.keep_within {print_span(within)}"
            told.append(f"{_not_in_use(entry)}, {{what}}{rule}")
        return told


# Few distinct ones, in the words of very many images.


@lru_cache(maxsize=1 << 16)
def _newer_words(newer: int, keep_last: int) -> str:
    if newer < 0:
        return "belongs to another image, so keep_last does not count it"
    return f"{newer:,} {'image is' if newer == 1 else 'images are'} newer, keep_last is {keep_last}"


@lru_cache(maxsize=1 << 16)
def _day_words(day: str, within: timedelta) -> str:
    return f"of {day}, older than keep_within {print_span(within)}"


def _not_in_use(entry: Policy) -> str:
    words = {NOW: "not in use now", FOREVER: "never in use"}
    return words.get(entry.seen_within) or f"not in use within {print_window(entry.seen_within)}"


def _unused(entry: Policy) -> str:
    words = {NOW: "no cluster uses the repository now", FOREVER: "no cluster ever used the repository"}
    return words.get(entry.seen_within) or f"no cluster used the repository within {print_window(entry.seen_within)}"


def _steps(rollbacks: int) -> str:
    return "the step" if rollbacks == 1 else f"the {rollbacks} steps"


def _refusals(entry: Policy) -> Iterator[str]:
    yield _not_in_use(entry)
    if entry.keep_in_use is not None and entry.keep_in_use.rollbacks:
        yield f"not within {_steps(entry.keep_in_use.rollbacks)} before one in use"
    if entry.keep_tags:
        yield f"no tag matches keep_tags {', '.join(entry.keep_tags)}"
    if entry.keep_versions is not None:
        rule = entry.keep_versions
        yield f"no tag is kept by keep_versions {rule.pattern.pattern} (last {rule.last}, per {rule.per})"
