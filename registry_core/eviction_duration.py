"""How long carrying out a plan takes, about: distribution looks through every tag of a repository for each DELETE.

Measured on docker-registry 2.8: 1.3 ms a deletion at 40 tags, 33 ms at 2,000; about 1 ms to look at a tag. Other
registries are faster or slower; the figure is for a person who wonders whether to wait.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import timedelta

from registry_core.eviction import Plan

_DELETION_SECONDS = 0.004  #: with the list of tags before it, and reading back
_FOR_EACH_TAG_SECONDS = 0.000_016
_LOOK_AT_A_TAG_SECONDS = 0.001
_LOOKED_AT_ONCE = 50  #: images of a repository for which its tags are looked at once
_AT_ONCE = 2  #: repositories in which a registry really works at once
_BEGIN_AND_END = timedelta(seconds=5)  #: inventories, health


def expected_duration(plan: Plan, tags: Mapping[str, int]) -> timedelta:
    """About how long it takes; `tags` are the tags of each repository of the plan, kept ones included."""
    images = Counter(entry.repository for entry in plan.entries)
    seconds = 0.0
    for repository, count in images.items():
        there = tags.get(repository, 0)
        looks = -(-count // _LOOKED_AT_ONCE)
        seconds += count * (_DELETION_SECONDS + there * _FOR_EACH_TAG_SECONDS) + looks * there * _LOOK_AT_A_TAG_SECONDS
    return _BEGIN_AND_END + timedelta(seconds=seconds / min(_AT_ONCE, max(1, len(images))))
