"""How the tags of a product are ordered: by version where they are versions, else by date."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from registry_core.retention_nodes import Array
from registry_core.version_variants import Suffix, SuffixKey, read_suffix
from registry_core.versions import VersionPattern, ranks_of_numbers, ranks_of_rows

_NUMBER = r"([0-9]{1,128})"
_SUFFIX = r"(?:-([0-9A-Za-z][0-9A-Za-z.-]*))?(?:[+_]([0-9A-Za-z][0-9A-Za-z._-]*))?"
_TAG = re.compile(rf"{_NUMBER}\.{_NUMBER}(?:\.{_NUMBER})?(?:\.{_NUMBER})?{_SUFFIX}")

#: `read_versions`: a row a tag, index as given. The numbers are ranks (dense, from 0; -1 for none), so that versions of
#: any length compare as small integers. `line` numbers the variant that a version belongs to, 0 for none: versions are
#: compared within one line of a product. `parts` is how many numbers were written; `rank` is the order over all tags.
VERSION_COLUMNS = ("is_version", "major", "minor", "patch", "fourth", "prerelease", "line", "parts", "rank")


def read_versions(
    tags: pd.Series[str], patterns: Sequence[VersionPattern], products: Array | None = None
) -> pd.DataFrame:
    """VERSION_COLUMNS of tags that may be written in several ways; of one tag the first way that fits decides.

    `products` numbers the product of each tag. What a product's other tags are decides what one is: `1.4` beside 1.4.0
    follows that, and is no version; alone it is one. `-team` is a variant where two versions have it, else a
    pre-release. Without products each tag is read as if it were alone with tags of three numbers. A missing tag is no
    version.
    """
    codes, distinct = pd.factorize(tags.to_numpy(dtype=object))
    read = _Read.of(list(distinct), patterns)
    # A missing tag has the code -1: the last row, which is no version.
    table = read.table.iloc[codes].reset_index(drop=True)
    if products is None:
        is_version, as_variant = table["parts"].ge(3), table["certain"]
    else:
        table["product"] = products
        is_version, as_variant = ~_floating(table), table["certain"] | _recurring(table)
    is_version &= table["parts"].gt(0)
    chosen = {
        name: np.where(as_variant, table[f"variant_{name}"], table[f"plain_{name}"])
        for name in ("prerelease", "line", "suffix")
    }
    numbers = [table[name].to_numpy() for name in ("major", "minor", "patch", "fourth")]
    rank = np.full(len(table), -1, dtype=np.int64)
    rows = np.flatnonzero(is_version)
    rank[rows] = ranks_of_rows([one[rows] for one in (*numbers, chosen["suffix"])])
    found = pd.DataFrame(
        {
            "is_version": is_version.to_numpy(),
            **{name: np.where(is_version, table[name], -1) for name in ("major", "minor", "patch", "fourth", "parts")},
            "prerelease": chosen["prerelease"].astype(bool) & is_version.to_numpy(),
            "line": np.where(is_version, chosen["line"], 0),
            "rank": rank,
        },
        index=tags.index,
    )
    return found[list(VERSION_COLUMNS)]


def _floating(table: pd.DataFrame) -> pd.Series[bool]:
    """Tags of two numbers that follow the releases of three that begin with them."""
    whole = table["parts"].ge(3) & ~table["plain_prerelease"]
    followed = pd.MultiIndex.from_frame(table.loc[whole, ["product", "major", "minor"]].drop_duplicates())
    asked = pd.MultiIndex.from_frame(table[["product", "major", "minor"]])
    return table["parts"].eq(2) & asked.isin(followed)


def _recurring(table: pd.DataFrame) -> pd.Series[bool]:
    """Tags of a variant that at least two versions of the product have."""
    numbers = table[["product", "variant_line", "major", "minor", "patch"]].drop_duplicates()
    counts = numbers.groupby(["product", "variant_line"], sort=False).size().rename("versions")
    return table.join(counts, on=["product", "variant_line"])["versions"].ge(2)


@dataclass(frozen=True, eq=False)
class _Read:
    """Distinct tags as read one by one, and a last row for no tag."""

    table: pd.DataFrame = field(repr=False)

    @classmethod
    def of(cls, tags: Sequence[str], patterns: Sequence[VersionPattern]) -> _Read:
        around = [tuple(pattern.pattern.split("{semver}")) for pattern in patterns]
        numbers: list[list[int]] = [[], [], [], []]
        parts: list[int] = []
        readings = []
        for tag in (*tags, ""):
            match = _first_match(tag, around)
            written = [] if match is None else [one for one in match.groups()[:4] if one is not None]
            for place, column in enumerate(numbers):
                column.append(int(written[place]) if place < len(written) else 0)
            parts.append(len(written))
            readings.append(read_suffix(match[5] or "", match[6] or "") if match is not None else _NO_SUFFIX)
        columns: dict[str, object] = {
            name: ranks_of_numbers(column)
            for name, column in zip(("major", "minor", "patch", "fourth"), numbers, strict=True)
        }
        variants, plains = [one.variant for one in readings], [one.plain for one in readings]
        lines = {shape: number for number, shape in enumerate(sorted({"", *(one.shape for one in variants)}))}
        order = {key: number for number, key in enumerate(sorted({one.key for one in (*variants, *plains)}))}
        for name, suffixes in (("variant", variants), ("plain", plains)):
            columns |= _columns_of(name, suffixes, lines, order)
        columns |= {"parts": parts, "certain": [one.certain for one in readings]}
        return cls(pd.DataFrame(columns))


def _columns_of(
    name: str, suffixes: Sequence[Suffix], lines: dict[str, int], order: dict[SuffixKey, int]
) -> dict[str, object]:
    return {
        f"{name}_prerelease": [one.is_prerelease for one in suffixes],
        f"{name}_line": [lines[one.shape] for one in suffixes],
        f"{name}_suffix": [order[one.key] for one in suffixes],
    }


_NO_SUFFIX = read_suffix("", "")


def _first_match(tag: str, around: Sequence[tuple[str, ...]]) -> re.Match[str] | None:
    for before, after in around:
        if tag.startswith(before) and tag.endswith(after) and len(tag) > len(before) + len(after):
            match = _TAG.fullmatch(tag[len(before) : len(tag) - len(after)])
            if match is not None and not _has_zero_in_front(match):
                return match
    return None


def _has_zero_in_front(match: re.Match[str]) -> bool:
    """Dates have (`2024.09.15`), and versions do not; but for those of two numbers (`22.04`)."""
    checked = match.groups()[:4] if match[3] is not None else match.groups()[:1]
    return any(one is not None and len(one) > 1 and one[0] == "0" for one in checked)


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
