"""Doubts: where a registry contradicts what it said before, nothing of that repository may be concluded (design §4).

A tag that was known and is not shown any more says nothing while the image that it named still answers: the registry
may have lost its list, a replica may be behind, a cache may lie. A list that leaves out one tag may leave out others,
among them a new one on an image that is to go.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class TagsNow:
    """The tags of one repository as the registry shows them now, beside what is known of them.

    `named`: what each tag that is listed or was asked for names, None where the registry answers 404.
    `known`: for each tag of the plan and the catalog, digests that it named; none where it was known to name nothing.
    `there`: digests that were asked for and are there.
    """

    listed: Collection[str]
    named: Mapping[str, str | None]
    known: Mapping[str, Collection[str]] = field(default_factory=dict)
    there: Collection[str] = ()


def doubt_about(tags: TagsNow) -> str | None:
    """The first contradiction, in words; None where there is none."""
    there = {*tags.there, *(digest for digest in tags.named.values() if digest is not None)}
    for tag in sorted(tags.named):
        digest, known = tags.named[tag], tags.known.get(tag)
        if digest is not None:
            if tag not in tags.listed:
                return f"the registry's list of tags leaves out {tag}, which it has"
            continue
        still = sorted(there.intersection(known or ()))
        if still:
            return f"the registry no longer shows the tag {tag} and still has {still[0]}, which it named"
        if tag in tags.listed and known is None:
            return f"the registry lists the tag {tag} and answers 404 for it"
    return None
