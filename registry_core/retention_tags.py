"""Tag rules: which tags `keep_tags` and `keep_versions` keep."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from registry_core.globs import compile_globs
from registry_core.policy_rules import KeepVersions
from registry_core.retention_facts import Facts
from registry_core.retention_nodes import Array
from registry_core.retention_reasons import Reason
from registry_core.versions import version_table

_AT_ONCE = 250_000
_GROUPS = {"major": ["major"], "minor": ["major", "minor"], "patch": ["major", "minor", "patch"]}


def reasons_of_tags(facts: Facts) -> Array:
    """Reasons of each tag (TAG, VERSION). A tag that is named for a subject matches no rule while that is stored."""
    nodes = facts.nodes
    reasons = np.zeros(len(nodes.tag_image), dtype=np.uint32)
    tags = nodes.catalog.tags["tag"].astype(object)  # distinct texts are looked at one by one
    # A version of an image that the registry has lost takes no place of one that it has.
    stored = np.append(facts.shape.stored, False)[nodes.tag_image]
    candidates = (nodes.tag_is_own | facts.subjects.unknown_tags) & stored
    entry_of_tag = np.append(facts.entries, -1)[nodes.tag_repository]
    for number, entry in enumerate(facts.policies.entries):
        if not entry.keep_tags and entry.keep_versions is None:
            continue
        for rows in _a_few_at_a_time(np.flatnonzero(candidates & (entry_of_tag == number)), nodes.tag_repository):
            here = tags.iloc[rows]
            if entry.keep_tags:
                matched = compile_globs(entry.keep_tags).match_series(here).to_numpy()
                reasons[rows[matched]] |= np.uint32(Reason.TAG)
            if entry.keep_versions is not None:
                kept = _kept_versions(entry.keep_versions, here, nodes.tag_repository[rows])
                reasons[rows[kept]] |= np.uint32(Reason.VERSION)
    return reasons


def _a_few_at_a_time(rows: Array, repository: Array) -> Iterator[Array]:
    """The rows in parts of about _AT_ONCE, those of one repository together: what is looked up for millions of
    texts at once takes more memory than all that is known of them."""
    rows = rows[np.argsort(repository[rows], kind="stable")]
    begins = np.flatnonzero(np.diff(repository[rows], prepend=-1))
    start = 0
    while start < len(rows):
        place = int(np.searchsorted(begins, start + _AT_ONCE))
        end = int(begins[place]) if place < len(begins) else len(rows)
        yield rows[start:end]
        start = end


def _kept_versions(rule: KeepVersions, tags: pd.Series[str], repository: Array) -> Array:
    """Which of the tags are the newest of one of the newest groups of their repository. Equals are all kept."""
    table = version_table(tags, rule.pattern).reset_index(drop=True)
    table["repository"] = repository
    eligible = table["is_version"] if rule.prereleases else table["is_version"] & ~table["prerelease"]
    versions = table[eligible]
    newest = versions.groupby(["repository", *_GROUPS[rule.per]], sort=False)["rank"].transform("max")
    heads = versions[versions["rank"].eq(newest)].drop_duplicates(["repository", "rank"])
    place = heads.groupby("repository", sort=False)["rank"].rank(method="first", ascending=False)
    chosen = heads.loc[place.le(rule.last), ["repository", "rank"]]
    wanted = pd.MultiIndex.from_frame(chosen)
    kept = np.zeros(len(table), dtype=bool)
    kept[versions.index] = pd.MultiIndex.from_frame(versions[["repository", "rank"]]).isin(wanted)
    return kept
