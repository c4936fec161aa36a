"""Check a finished migration plan in another way than it was made: by its entries alone."""

from __future__ import annotations

from collections.abc import Iterator

from registry_core.migration import MigrationPlan


def problems_of(plan: MigrationPlan) -> tuple[str, ...]:
    """What forbids to carry the plan out, a sentence each: two images would get one tag, or one entry names none."""
    return tuple(_problems(plan))


def _problems(plan: MigrationPlan) -> Iterator[str]:
    given: dict[tuple[str, str], tuple[str, str]] = {}
    for entry in plan.entries:
        if not entry.copies:
            continue
        if entry.digest is None or not entry.to_repository:
            yield f"the entry {entry} has no digest or no name at the destination; make a new plan"
            continue
        for tag in entry.tags:
            source = entry.repository, entry.digest
            first = given.setdefault((entry.to_repository, tag), source)
            if first != source:
                yield (
                    f"{first[0]} and {entry.repository} would both write {entry.to_repository}:{tag}; correct `names`"
                    f" of {plan.subject}"
                )
