"""Monitoring: which references in use are in trouble, why, and where they run.

Two witnesses are heard: the findings of each registry's health report, brought back to the references that they
hurt, and the clusters' own pull errors, which are newer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from registry_core.health import platforms_of_clusters
from registry_core.inventory import PULL_ERRORS
from registry_core.monitoring_uses import Ground, GroundOf, gravest, phases_of, wanted
from registry_core.platforms import serves
from registry_core.registry_directory import RegistryNames
from registry_core.registry_rows import own_rows, owned

#: The predecessor's words for the two things that it knew to go wrong; all else has ours (`layer missing`).
_WRONGS = {
    ("reference", "missing"): "no digest",
    ("tag", "missing"): "no digest",
    ("manifest", "missing"): "no manifest",
}
PULL_ERROR = "ImagePullBackOff"

_PARTS = ("manifest", "child", "config", "layer")


@dataclass(frozen=True)
class RegistryReport:
    """What is known to be wrong in one registry: findings (FINDING_COLUMNS) and who uses what (USAGE_COLUMNS)."""

    names: RegistryNames
    findings: pd.DataFrame = field(repr=False)
    usage: pd.DataFrame = field(repr=False)


@dataclass(frozen=True, slots=True)
class Trouble:
    """One reference in use with which something is wrong."""

    reference: str
    wrongs: tuple[str, ...]  #: `no digest`, `no manifest`, `layer missing`, …, `ImagePullBackOff` last
    namespaces: tuple[str, ...]  #: `cluster;namespace` of all that want it
    phases: tuple[str, ...]
    ground: Ground  #: the gravest where it hurts
    running_on: tuple[str, ...]  #: nodes
    ran_on: tuple[str, ...]
    failing_in_prod: frozenset[str] = frozenset()  #: clusters where a pod of a production namespace cannot pull it

    def to_row(self) -> dict[str, object]:
        """A row of `/_report.json`."""
        return {
            "tag": self.reference,
            "wrongs": list(self.wrongs),
            "namespaces": list(self.namespaces),
            "phase": list(self.phases),
        }


def find_troubles(
    inventory: pd.DataFrame, reports: Sequence[RegistryReport], ground_of: GroundOf
) -> tuple[Trouble, ...]:
    """References (INVENTORY_COLUMNS) that are wanted and in trouble, by name.

    Only what a configured registry should hold is judged: a reference to another one is nobody's here. A text that
    is no reference belongs to nobody either, and is told where a cluster trips over it.
    """
    is_wanted = wanted(inventory)
    uses = inventory[is_wanted]
    wrongs = _wrongs_by_reference(uses, reports)
    failing = uses[uses["reason"].isin(PULL_ERRORS) & uses["kind"].eq("Pod")]
    judged = failing["invalid"].notna()
    for report in reports:
        judged |= owned(failing, report.names)
    failing = failing[judged]
    troubled = set(wrongs) | set(failing["reference"])
    ended = inventory[~is_wanted & inventory["reference"].isin(troubled) & inventory["kind"].eq("Pod")]
    failing_by = dict(iter(failing.groupby("reference", sort=False)))
    ended_by = dict(iter(ended.groupby("reference", sort=False)))
    return tuple(
        _trouble(
            str(reference),
            tuple(wrongs.get(str(reference), ())),
            rows,
            _Rows(failing_by.get(reference, failing.iloc[:0]), ended_by.get(reference, ended.iloc[:0])),
            ground_of,
        )
        for reference, rows in uses[uses["reference"].isin(troubled)].groupby("reference", sort=True)
    )


@dataclass(frozen=True, slots=True)
class _Rows:
    failing: pd.DataFrame
    ended: pd.DataFrame


def _trouble(reference: str, wrongs: tuple[str, ...], rows: pd.DataFrame, other: _Rows, ground_of: GroundOf) -> Trouble:
    # A pull error hurts where it happens; what the registry has lost hurts everyone who wants it.
    hurt = rows if wrongs else other.failing
    grounds = {place: ground_of(*place) for place in set(zip(hurt["cluster"], hurt["namespace"], strict=True))}
    failing = set(zip(other.failing["cluster"], other.failing["namespace"], strict=True))
    phases = {
        phase
        for state, reason in zip(rows["state"], rows["reason"], strict=True)
        for phase in phases_of(state, reason if isinstance(reason, str) else None)
    }
    return Trouble(
        reference=reference,
        wrongs=wrongs + ((PULL_ERROR,) if failing else ()),
        namespaces=tuple(sorted(set(rows["cluster"] + ";" + rows["namespace"]))),
        phases=tuple(sorted(phases)),
        ground=gravest(grounds.values()),
        running_on=_nodes(rows[rows["state"].eq("running")]),
        ran_on=_nodes(other.ended),
        failing_in_prod=frozenset(cluster for cluster, name in failing if ground_of(cluster, name) == "prod"),
    )


def _nodes(rows: pd.DataFrame) -> tuple[str, ...]:
    return tuple(sorted({node if isinstance(node, str) else "an unknown node" for node in rows["node"]}))


def _wrongs_by_reference(uses: pd.DataFrame, reports: Sequence[RegistryReport]) -> dict[str, list[str]]:
    platforms = platforms_of_clusters(uses)
    found: dict[str, list[str]] = {}
    for report in reports:
        ours = own_rows(uses, report.names)
        for reference, wrong in (*_lost(ours, report), *_broken(ours, report, platforms)):
            known = found.setdefault(reference, [])
            if wrong not in known:
                known.append(wrong)
    return found


def _lost(ours: pd.DataFrame, report: RegistryReport) -> Iterator[tuple[str, str]]:
    """(reference, wrong) for findings about a name: what was written resolves to nothing."""
    findings = report.findings[report.findings["what"].isin(["reference", "tag"])]
    places = ours[["reference", "repository", "tag", "digest"]].drop_duplicates()
    by_tag = findings[findings["tag"].notna()].drop(columns="digest")
    by_digest = findings[findings["digest"].notna() & findings["what"].eq("reference")].drop(columns="tag")
    written = (
        by_tag.merge(places[places["digest"].isna()], on=["repository", "tag"]),
        by_digest.merge(places, on=["repository", "digest"]),
    )
    for rows in written:
        for reference, what, kind in zip(rows["reference"], rows["what"], rows["kind"], strict=True):
            yield reference, _WRONGS.get((what, kind), f"{what} {kind}")


def _broken(
    ours: pd.DataFrame, report: RegistryReport, platforms: Mapping[str, frozenset[str]]
) -> Iterator[tuple[str, str]]:
    """(reference, wrong) for findings about a part of an image, by those who use that image from here.

    A child that no node of the cluster would pull is a warning of the health report, and no missing image.
    """
    findings = report.findings[report.findings["what"].isin(_PARTS)]
    usage = report.usage[report.usage["match"].ne("same digest elsewhere")]
    users = findings.merge(usage[["repository", "digest", "reference", "cluster"]], on=["repository", "digest"])
    here = ours[["reference", "cluster"]].drop_duplicates()
    rows = users.merge(here, on=["reference", "cluster"]).drop_duplicates()
    for reference, cluster, what, kind, platform in zip(
        rows["reference"], rows["cluster"], rows["what"], rows["kind"], rows["platform"], strict=True
    ):
        nodes = platforms.get(cluster)
        if what == "child" and isinstance(platform, str) and nodes and not any(serves(platform, one) for one in nodes):
            continue
        yield reference, _WRONGS.get((what, kind), f"{what} {kind}")
