"""From deletions at a source to policies for its destination: by them exactly what the source deleted may go.

Every other tag of the repository is kept by name, untagged images stay, and whatever the site's own policies keep is
kept as well: any reason to keep wins. What comes of it is an eviction plan like every other, with its brakes, for a
person to approve.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace

import pandas as pd

from registry_core.policy_rules import KeepInUse, Policies, Policy
from registry_core.replication_status import Gone


@dataclass(frozen=True, slots=True)
class DeletionPolicies:
    """`policies` None: there is nothing to plan. `left_out` says what stays in spite of its deletion, and why."""

    policies: Policies | None
    left_out: tuple[str, ...]


def deletion_policies(gone: Iterable[Gone], tags: pd.DataFrame, site: Policies) -> DeletionPolicies:
    """Policies for the destination (TAG_COLUMNS: repository, tag), over those of the site."""
    deleted: defaultdict[str, set[str]] = defaultdict(set)
    left_out = []
    for one in gone:
        deleted[one.to_repository].add(one.tag)
    entries = []
    for repository, names in sorted(deleted.items()):
        number = site.entry_of(repository)
        own = Policy(repositories=(repository,)) if number is None else site.entries[number]
        if own.protect:
            left_out.append(f"{repository} is protected by policies[{number}]")
            continue
        others = sorted(set(tags.loc[tags["repository"].eq(repository), "tag"]) - names)
        entries.append(
            replace(
                own,
                repositories=(repository,),
                keep_tags=(*own.keep_tags, *(tag for tag in others if tag not in own.keep_tags)),
                keep_in_use=own.keep_in_use or KeepInUse(),
                untagged=None,
                when_unused="same",
            )
        )
    return DeletionPolicies(Policies(tuple(entries)) if entries else None, tuple(left_out))
