"""References that the catalog does not know, judged by what the registry says now.

A catalog is of last night, a workload of a minute ago: that an image is missing may only be said by a registry that
was asked after the workload was seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from registry_core.coverage import Fault
from registry_core.plain_rows import plain_rows
from registry_core.usage import USAGE_COLUMNS, UsageFrames

Name = tuple[str, str]  #: repository, and the digest that was written, else the tag


@dataclass(frozen=True, slots=True)
class Now:
    """What a name resolves to now: its `digest`, or why it does not."""

    digest: str | None = None
    fault: Fault | None = None
    detail: str = ""


def names_in_doubt(unresolved: pd.DataFrame) -> list[Name]:
    """Names that the catalog does not know (UNRESOLVED_COLUMNS). What it could not read is told as that already,
    and a text that is no reference cannot be asked for."""
    doubtful = unresolved[unresolved["fault"].eq("missing")]
    return sorted({name for name in _names(doubtful) if name is not None})


def by_what_is_now(frames: UsageFrames, now: Mapping[Name, Now]) -> UsageFrames:
    """Usage with the references that resolve by now; those that still do not stay, with the fault of the answer.

    A name without an answer stays as it was.
    """
    unresolved = frames.unresolved
    asked = [
        (now.get(name) or Now()) if name is not None and fault == "missing" else Now()
        for name, fault in zip(_names(unresolved), unresolved["fault"], strict=True)
    ]
    digests = pd.Series([answer.digest for answer in asked], index=unresolved.index, dtype=object)
    found = unresolved[digests.notna()]
    match = found["digest"].notna().map({True: "digest", False: "tag"})
    found = found.assign(digest=digests[digests.notna()], match=match).reindex(columns=USAGE_COLUMNS)

    lost = unresolved[digests.isna()]
    answers = [answer for answer in asked if answer.digest is None]
    told = [
        (answer.fault, f"the catalog does not know it, and asking now: {answer.detail}")
        if answer.fault not in (None, "missing")
        else (fault, why)
        for answer, fault, why in zip(answers, lost["fault"], lost["why"], strict=True)
    ]
    lost = lost.assign(fault=[fault for fault, _ in told], why=[why for _, why in told])
    usage = frames.usage if found.empty else pd.concat([frames.usage, found], ignore_index=True)
    return UsageFrames(frames.registry, usage, lost.reset_index(drop=True))


def _names(rows: pd.DataFrame) -> list[Name | None]:
    return [
        (repository, digest or tag) if repository and (digest or tag) else None
        for repository, tag, digest in plain_rows(rows, ["repository", "tag", "digest"])
    ]
