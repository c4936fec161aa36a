"""Gaps of a catalog: which repositories were not read whole, and whether the rest of it may be believed.

A repository that was not read keeps all that it holds (`retention_laws`), and the others can be planned; but not where
the list of repositories itself was not read, because nothing is known of what is not in it, nor where so much is unread
that the registry or our rights are the trouble.
"""

from __future__ import annotations

from collections.abc import Mapping

from registry_core.coverage import Coverage, Gap

#: Place of the gap that a crawl leaves where the list of repositories was not read whole.
LIST_OF_REPOSITORIES = "list of repositories"

_SHOWN = 3


def is_of_repository(gap: Gap) -> bool:
    """Whether its place is the name of a repository, which holds no space: every other place is named by words."""
    return " " not in gap.place


def unread_repositories(coverage: Coverage) -> Mapping[str, Gap]:
    """The gap of each repository that was not read whole, excused ones too: all of them are kept."""
    return {gap.place: gap for gap in coverage.gaps if is_of_repository(gap)}


def unread_share(coverage: Coverage) -> float:
    """Part of the repositories that were asked and not read whole, excused ones left out."""
    unread = {gap.place for gap in coverage.unexcused if is_of_repository(gap)}
    asked = max(coverage.asked - 1, len(unread))  # the list was asked for as well
    return len(unread) / asked if unread else 0.0


def why_not_believed(coverage: Coverage, *, most: float) -> str | None:
    """Why nothing may be concluded from a catalog, a clause that names the setting; None where the repositories that
    were read may be believed. `most` is `limits.max_unread_share`."""
    beyond = [gap for gap in coverage.unexcused if not is_of_repository(gap)]
    if beyond:
        return f"what repositories there are is not known: {beyond[0]}"
    share = unread_share(coverage)
    if share <= most:
        return None
    unread = [gap for gap in coverage.unexcused if is_of_repository(gap)]
    shown = "; ".join(str(gap) for gap in unread[:_SHOWN])
    more = f"; and {len(unread) - _SHOWN:,} more" if len(unread) > _SHOWN else ""
    return (
        f"{len(unread):,} of {max(coverage.asked - 1, len(unread)):,} repositories ({share:.1%}) were not read and"
        f" limits.max_unread_share is {most:.1%}: {shown}{more}"
    )


def unread_in_words(unread: Mapping[str, str]) -> str:
    """`2 repositories were not read whole, so all of them stay: team/a (forbidden: …), team/b (…)`, of the faults
    by repository; empty for none."""
    if not unread:
        return ""
    shown = ", ".join(f"{name} ({why})" for name, why in sorted(unread.items())[:_SHOWN])
    more = f" and {len(unread) - _SHOWN:,} more" if len(unread) > _SHOWN else ""
    what = "repository was not read whole, so all of it stays"
    if len(unread) > 1:
        what = "repositories were not read whole, so all of them stay"
    return f"{len(unread):,} {what}: {shown}{more}"
