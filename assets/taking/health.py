"""Examine what of a registry is in use (or all of it), and save the findings."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pandas as pd

from assets.taking.evidence import Evidence, gather_evidence
from assets.taking.progress import Progress, Silent
from assets.taking.torn_uploads import find_torn_uploads
from assets.taking.usage import join_evidence
from registry_core.coverage import Coverage, Gap
from registry_core.findings import judge_catalog, judge_parts, judge_pulls, judge_references, merge_findings
from registry_core.findings_untagged import judge_untagged
from registry_core.health import (
    Answer,
    Documents,
    Part,
    nodes_of_images,
    parts_in_use,
    parts_of_everything,
    platforms_of_clusters,
)
from registry_core.registry_rows import own_rows
from registry_core.usage import UsageFrames
from registry_core.usage_now import Name, Now, by_what_is_now, names_in_doubt
from resources.connections import Connections
from resources.database.derived import Derivation
from resources.database.snapshots import Snapshot
from resources.registry.probing import Probe, probe_all
from resources.registry.resolving import resolve_all


@dataclass(frozen=True)
class Examination:
    """Findings (FINDING_COLUMNS, worst first) and how many parts were asked for."""

    findings: pd.DataFrame = field(repr=False)
    parts: int
    images: int
    evidence: Evidence
    unseen: tuple[Gap, ...] = ()  #: what of the registry was to be looked at beside the evidence and could not be

    @property
    def coverage(self) -> Coverage:
        return self.evidence.coverage + Coverage(asked=len(self.unseen), gaps=self.unseen)


def examine(
    connections: Connections,
    registry: str,
    *,
    everything: bool | None = None,
    repositories: Collection[str] = (),
    progress: Progress | None = None,
) -> Examination:
    """Look at the health of what is in use, by the newest evidence, and of all that is stored if `everything`.

    `everything` None leaves it to the configuration; `repositories` narrows what is looked at. Raises
    IncompleteSnapshot where there is no evidence; whatever the registry cannot give is a finding, not an error.
    """
    settings = connections.registry_settings(registry)
    scope = _Scope(settings.check_everything if everything is None else everything, frozenset(repositories))
    evidence = gather_evidence(connections, registry)
    known = join_evidence(connections, evidence)
    use = _as_it_is_now(connections, UsageFrames(registry, scope.rows(known.usage), scope.rows(known.unresolved)))
    parts = _parts(connections, evidence, use, scope)
    answers = _answers(connections, registry, parts, progress or Silent())
    severity_of = connections.site.severity_of
    ours = scope.rows(own_rows(evidence.inventory, connections.site.directory.names_of(registry)))
    stored, unseen = judge_catalog(evidence.catalog), None
    if scope.everything:
        read = connections.history.repositories_read(evidence.catalog_snapshot)
        torn, unseen = find_torn_uploads(connections, registry)
        stored += [*judge_untagged(read, evidence.catalog, use.frames.usage), *torn]
    findings = merge_findings(
        judge_references(use.frames.unresolved, severity_of),
        judge_parts(parts, answers, use.frames.usage, evidence.catalog, severity_of),
        judge_pulls(ours, connections.site.environment_of, severity_of),
        [one for one in stored if scope.covers(one.repository)],
    )
    images = {(part.repository, part.image) for part in parts}
    return Examination(findings, len(parts), len(images), evidence, (unseen,) if unseen else ())


def take_health(
    connections: Connections, registry: str, *, progress: Progress | None = None, run_id: str | None = None
) -> tuple[Snapshot, Examination]:
    """Examine `registry` as the configuration says and save the findings."""
    as_of = datetime.now(UTC)
    found = examine(connections, registry, progress=progress)
    made = Derivation(as_of, found.evidence.basis, found.coverage, run_id)
    return connections.history.save_findings(registry, found.findings, made), found


@dataclass(frozen=True)
class _Scope:
    """What is looked at: all that is stored or what is in use, of all repositories or of some."""

    everything: bool
    repositories: frozenset[str]

    def covers(self, repository: str | None) -> bool:
        return not self.repositories or repository in self.repositories

    def rows(self, frame: pd.DataFrame) -> pd.DataFrame:
        return frame[frame["repository"].isin(self.repositories)] if self.repositories else frame


@dataclass(frozen=True)
class _Use:
    """The usage, and the documents of images that were pushed since the catalog was taken."""

    frames: UsageFrames
    fresh: Mapping[str, bytes] = field(repr=False)


def _as_it_is_now(connections: Connections, known: UsageFrames) -> _Use:
    """Ask the registry about the references that the catalog does not know."""
    now: dict[Name, Now] = {}
    fresh: dict[str, bytes] = {}
    for resolved in resolve_all(connections.registry(known.registry), names_in_doubt(known.unresolved)):
        now[resolved.name] = Now(resolved.digest, resolved.fault, resolved.detail)
        fresh.update(resolved.documents)
    return _Use(by_what_is_now(known, now), fresh)


def _parts(connections: Connections, evidence: Evidence, use: _Use, scope: _Scope) -> list[Part]:
    """Parts in use first, so that a part that is both in use and stored is judged by its use."""
    catalog, usage = evidence.catalog, use.frames.usage
    looked_at = set(usage["digest"])
    if scope.everything:
        looked_at |= set(scope.rows(catalog.images)["digest"])
    wanted = looked_at | set(catalog.children.loc[catalog.children["digest"].isin(looked_at), "child"])
    documents = Documents({**dict(connections.history.documents(wanted)), **use.fresh})
    platforms = platforms_of_clusters(evidence.inventory)
    parts = parts_in_use(usage, documents, platforms)
    if scope.everything:
        stored = parts_of_everything(catalog, documents, nodes_of_images(usage, platforms))
        parts += [part for part in stored if scope.covers(part.repository)]
    return parts


def _answers(
    connections: Connections, registry: str, parts: list[Part], progress: Progress
) -> Mapping[tuple[str, str], Answer]:
    """One question for each distinct part; configs are read and proven, manifests and layers looked up."""
    probes = {
        (part.repository, part.digest): Probe(
            part.repository,
            part.digest,
            "either" if part.either else "manifest" if part.is_manifest else "blob",
            size_bytes=part.size_bytes,
            read=part.what == "config",
        )
        for part in parts
    }
    progress.begin(f"parts of {registry}", total=len(probes))
    answers: dict[tuple[str, str], Answer] = {}
    for probed in probe_all(connections.registry(registry), probes.values()):
        answers[probed.probe.repository, probed.probe.digest] = Answer(probed.fault, probed.detail)
        progress.advance()
    return answers
