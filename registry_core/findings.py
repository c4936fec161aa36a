"""Health, second half: from what the registry and the kubelets said to findings, each with whom it hurts.

A finding is one thing wrong, told with exactly one of five words: missing, corrupt, forbidden, unreachable,
throttled (law 6). Its severity is that of the gravest environment it hurts; what hurts nobody is a warning.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass

import pandas as pd

from registry_core.catalog import TAG_COLUMNS, CatalogFrames
from registry_core.coverage import Fault
from registry_core.health import Answer, Part, What
from registry_core.inventory import PULL_ERRORS
from registry_core.plain_rows import plain_rows
from registry_core.pull_errors import fault_of_pull_error
from registry_core.usage import EnvironmentOf, environments

#: `findings`: a row a finding. `digest` is the image, `blob` the part of it that is wrong (layer, config or
#: child); `used_by` and `clusters` are texts for people, names joined by commas.
FINDING_COLUMNS = (
    "kind", "what", "repository", "tag", "digest", "blob", "platform", "severity", "detail", "used_by", "clusters",
)  # fmt: skip

#: What makes two findings the same one seen twice.
FINDING_KEY = FINDING_COLUMNS[:7]

_SHOWN_WORKLOADS = 20
_SEVERITIES = ("error", "warning")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing wrong. Fields are FINDING_COLUMNS."""

    kind: Fault
    what: What
    repository: str | None
    tag: str | None
    digest: str | None
    blob: str | None
    platform: str | None
    severity: str
    detail: str
    used_by: str = ""
    clusters: str = ""


@dataclass(frozen=True)
class Hurt:
    """Workloads and clusters that one thing hurts."""

    workloads: tuple[str, ...] = ()
    clusters: tuple[str, ...] = ()
    severity: str = "warning"

    @property
    def used_by(self) -> str:
        shown = ", ".join(self.workloads[:_SHOWN_WORKLOADS])
        more = len(self.workloads) - _SHOWN_WORKLOADS
        return f"{shown}, and {more} more" if more > 0 else shown


SeverityOf = Callable[[str], str]
"""Severity of a finding by the environment of the cluster it hurts."""


def hurt_by(rows: pd.DataFrame, severity_of: SeverityOf) -> Hurt:
    """Whom the rows (usage or unresolved) name, in order, and how bad that is."""
    if rows.empty:
        return Hurt()
    names = rows["cluster"] + " " + rows["namespace"] + "/" + rows["owner_name"] + " (" + rows["owner_kind"] + ")"
    severities = {severity_of(str(environment)) for environment in rows["environment"].unique()}
    return Hurt(
        workloads=tuple(sorted(set(names))),
        clusters=tuple(sorted(set(rows["cluster"]))),
        severity=min(severities, key=_SEVERITIES.index),
    )


def judge_parts(
    parts: Iterable[Part],
    answers: Mapping[tuple[str, str], Answer],
    usage: pd.DataFrame,
    catalog: CatalogFrames,
    severity_of: SeverityOf,
) -> list[Finding]:
    """Findings for parts that the registry could not give. `answers` by (repository, digest of the part).

    A part without an answer was not asked, which is a defect of the caller, not health: KeyError.
    """
    broken = [part for part in parts if answers[part.repository, part.digest].fault is not None]
    if not broken:
        return []
    hurt = {
        key: hurt_by(rows, severity_of)
        for key, rows in _rows_of(usage, {(part.repository, part.image) for part in broken})
    }
    tags = tags_by_image(catalog)
    found = []
    for part in broken:
        answer = answers[part.repository, part.digest]
        harm = hurt.get((part.repository, part.image), Hurt())
        unpulled = "this platform" if part.is_manifest else "it"
        nobody = "" if part.wanted else f"; no node of these clusters pulls {unpulled}"
        assert answer.fault is not None
        found.append(
            Finding(
                kind=answer.fault,
                what=part.what,
                repository=part.repository,
                tag=tags.get((part.repository, part.image)),
                digest=part.image,
                blob=None if part.what == "manifest" else part.digest,
                platform=part.platform,
                severity=harm.severity if part.wanted else "warning",
                detail=(answer.detail or answer.fault) + nobody,
                used_by=harm.used_by,
                clusters=", ".join(harm.clusters),
            )
        )
    return list(dict.fromkeys(found))


def judge_catalog(catalog: CatalogFrames) -> list[Finding]:
    """What the catalog already knows to be wrong, used or not: tags that resolve to nothing, lost children,
    manifests and configs that came corrupt."""
    tags = catalog.tags[catalog.tags["fault"].notna()]
    found = [
        Finding(fault, "tag", repository, tag, digest, None, None, "warning", detail or fault)
        for repository, tag, digest, fault, detail in plain_rows(tags, TAG_COLUMNS[:5])
    ]
    images = catalog.images[catalog.images["fault"].notna() | catalog.images["config_fault"].notna()]
    lost = catalog.children[catalog.children["child"].isin(images["digest"])]
    parent_of = dict(plain_rows(lost, ["child", "digest"]))
    named = tags_by_image(catalog)
    for repository, digest, config_digest, manifest_fault, config_fault, detail in plain_rows(
        images, ["repository", "digest", "config_digest", "fault", "config_fault", "detail"]
    ):
        parent = parent_of.get(digest)
        fault: Fault = manifest_fault or config_fault
        config = None if manifest_fault else config_digest
        what: What = "config" if not manifest_fault else "child" if parent else "manifest"
        found.append(
            Finding(
                kind=fault,
                what=what,
                repository=repository,
                tag=named.get((repository, parent or digest)),
                digest=parent or digest,
                blob=config or (digest if parent else None),
                platform=None,
                severity="warning",
                detail=detail or fault,
            )
        )
    return found


def judge_references(unresolved: pd.DataFrame, severity_of: SeverityOf) -> list[Finding]:
    """Findings for references that resolve to nothing (UNRESOLVED_COLUMNS), the cluster's own words added."""
    found = []
    keys = ["repository", "tag", "digest", "fault", "why", "reference"]
    for _, rows in unresolved.groupby(keys, dropna=False, sort=True):
        repository, tag, digest, fault, why, reference = next(plain_rows(rows, keys))
        harm = hurt_by(rows, severity_of)
        said = sorted({str(message) for message in rows["message"].dropna() if message})
        cluster_says = f"; the cluster says: {said[0][:300]}" if said else ""
        found.append(
            _about_a_name(fault, "reference", (repository, tag, digest), f"{reference}: {why}{cluster_says}", harm)
        )
    return found


def judge_pulls(inventory: pd.DataFrame, environment_of: EnvironmentOf, severity_of: SeverityOf) -> list[Finding]:
    """Findings for pull errors that clusters report (INVENTORY_COLUMNS), whatever the registry says."""
    failing = inventory[inventory["reason"].isin(PULL_ERRORS)].copy()
    failing["environment"] = environments(failing, environment_of)
    found = []
    columns = ["reference", "repository", "tag", "digest", "reason", "message"]
    for _, rows in failing.groupby("reference", sort=True):
        reference, repository, tag, digest, reason, message = next(plain_rows(rows, columns))
        harm = hurt_by(rows, severity_of)
        found.append(
            _about_a_name(
                fault_of_pull_error(reason, message),
                "pull",
                (repository, tag, digest),
                f"{reference}: {reason}: {(message or 'no message')[:300]}",
                harm,
            )
        )
    return found


def _about_a_name(
    kind: Fault, what: What, name: tuple[str | None, str | None, str | None], detail: str, harm: Hurt
) -> Finding:
    """A finding about what a workload wrote: (repository, tag, digest) as far as it could be read."""
    repository, tag, digest = name
    return Finding(
        kind, what, repository, tag, digest, None, None, harm.severity, detail, harm.used_by, ", ".join(harm.clusters)
    )


def merge_findings(*groups: Iterable[Finding]) -> pd.DataFrame:
    """All findings as one frame (FINDING_COLUMNS): the same thing told once, by the first group that told it
    (so the groups come gravest first), worst first."""
    found: dict[tuple[object, ...], Finding] = {}
    for group in groups:
        for finding in group:
            found.setdefault(_sameness(finding), finding)
    frame = pd.DataFrame([asdict(finding) for finding in found.values()], columns=list(FINDING_COLUMNS))
    order = frame.assign(
        _severity=frame["severity"].map({name: place for place, name in enumerate(_SEVERITIES)}),
        _used=frame["used_by"].eq(""),
    )
    order = order.sort_values(["_severity", "_used", "kind", "repository", "tag", "what", "blob"], na_position="last")
    return frame.loc[order.index].reset_index(drop=True)


def _sameness(finding: Finding) -> tuple[object, ...]:
    # A pull error and an unresolved reference are the same trouble seen from two sides.
    if finding.what in ("reference", "pull", "tag"):
        return ("reference", finding.repository, finding.tag, finding.digest if not finding.tag else None,
                None if finding.repository else finding.detail.split(": ")[0])  # fmt: skip
    return (finding.what, finding.repository, finding.digest, finding.blob)


def _rows_of(usage: pd.DataFrame, images: set[tuple[str, str]]) -> Iterable[tuple[tuple[str, str], pd.DataFrame]]:
    wanted = pd.MultiIndex.from_frame(usage[["repository", "digest"]]).isin(list(images))
    for key, rows in usage[wanted].groupby(["repository", "digest"], sort=False):
        yield (str(key[0]), str(key[1])), rows


def tags_by_image(catalog: CatalogFrames) -> dict[tuple[str, str], str]:
    """Tags of each (repository, digest) as one text, at most three named."""
    tagged = catalog.tags[catalog.tags["digest"].notna()]
    names: dict[tuple[str, str], list[str]] = {}
    for repository, digest, tag in zip(tagged["repository"], tagged["digest"], tagged["tag"], strict=True):
        names.setdefault((repository, digest), []).append(tag)
    return {
        key: ", ".join(sorted(tags)[:3]) + (f", and {len(tags) - 3} more" if len(tags) > 3 else "")
        for key, tags in names.items()
    }
