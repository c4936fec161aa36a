"""How the tags of a product are ordered: by semantic version where they are versions, else by date."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from registry_core.retention_nodes import Array
from registry_core.versions import VersionPattern, version_table

_PLAIN = VersionPattern("{semver}")


def read_versions(tags: pd.Series[str], patterns: Sequence[VersionPattern]) -> pd.DataFrame:
    """`version_table` of tags that may be written in several ways; of one tag the first way that fits decides.

    A missing tag is no version.
    """
    codes, distinct = pd.factorize(tags.to_numpy(dtype=object))
    plain = np.empty(len(distinct) + 1, dtype=object)
    plain[:] = ""  # also for a missing tag, whose code is -1
    regex = _PLAIN.regex
    for before, after in [pattern.pattern.split("{semver}") for pattern in patterns]:
        for place, tag in enumerate(distinct):
            if not plain[place] and tag.startswith(before) and tag.endswith(after):
                middle = tag[len(before) : len(tag) - len(after)]
                if regex.fullmatch(middle):
                    plain[place] = middle
    return version_table(pd.Series(plain[codes], index=tags.index, dtype=object), _PLAIN)


@dataclass(frozen=True, eq=False)
class Ladder:
    """Steps of many products, ascending in each: what is newer than a step, and which is the newest.

    Steps are counted once for each (product, rank, thing): two tags of one version are one step.
    """

    _keys: Array = field(repr=False)
    _width: int

    @classmethod
    def of(cls, products: Array, ranks: Array, things: Array | None = None) -> Ladder:
        """Products and ranks are numbers from 0. `things` are numbers too: steps of one rank that differ in it count
        each."""
        width = int(ranks.max(initial=0)) + 2
        keys = products.astype(np.int64) * width + ranks
        if things is None:
            return cls(np.unique(keys), width)
        _, first = np.unique(np.stack([keys, things]), axis=1, return_index=True)
        return cls(np.sort(keys[first]), width)

    def newer(self, products: Array, ranks: Array) -> Array:
        """How many steps of the product are above the rank."""
        end = np.searchsorted(self._keys, (products + 1) * self._width)
        own = np.minimum(ranks, self._width - 1)  # one above all steps must not reach into the next product
        return np.asarray(end - np.searchsorted(self._keys, products * self._width + own, side="right"))

    def top(self, products: Array) -> Array:
        """The highest rank of each product; -1 where it has no step."""
        end = np.searchsorted(self._keys, (products + 1) * self._width)
        start = np.searchsorted(self._keys, products * self._width)
        if not len(self._keys):
            return np.full(len(products), -1, dtype=np.int64)
        return np.where(end > start, self._keys[np.maximum(end - 1, 0)] % self._width, -1)
