"""The evidence of a cut-over: what of the clusters points at the old registry, and what the new one serves.

Which image a tag means is asked from the old registry; where that cannot be asked any more, its last catalog answers;
where there is none, the digests that run must be found in what the destination has. What nobody can tell is not moved.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from assets.taking.progress import Progress, Silent
from registry_core.coverage import Coverage
from registry_core.cutover import ClusterSeen
from registry_core.cutover_decide import AtDestination, ImageKey
from registry_core.cutover_objects import OldNames
from registry_core.cutover_survey import ClusterSurvey, Found, Scope
from registry_core.errors import IncompleteSnapshot, PlanStale, Refused, RegistryError
from registry_core.globs import compile_globs
from registry_core.policy_spans import print_age, print_span
from resources.clusters.source import ObjectsRead, StartedOver
from resources.configuration.cutover_settings import CutoverSettings
from resources.connections import Connections
from resources.registry.client import RegistryClient
from resources.registry.serving import look_whether_served


def read_clusters(
    connections: Connections, cutover: CutoverSettings, progress: Progress
) -> tuple[dict[str, ClusterSeen], dict[str, Found]]:
    """Read every object of each cluster now.

    Raises IncompleteSnapshot where something that matters could not be read (a workload that nobody saw would go on
    pulling from the old registry), PlanStale for a dump that is too old, ClusterError where nothing could be asked.
    """
    connections.registry_settings(cutover.source)  # raises ConfigError for one that is not configured
    old = OldNames(connections.site.directory.names_of(cutover.source), cutover.to)
    seen: dict[str, ClusterSeen] = {}
    found: dict[str, Found] = {}
    for name in dict.fromkeys(cutover.clusters):
        source = connections.cluster(name)
        as_of = source.as_of()
        _refuse_old(connections, name, as_of)
        platforms, coverage = source.nodes()
        survey = ClusterSurvey(Scope(name, old, compile_globs(cutover.namespaces)))
        progress.begin(f"objects of {name}")
        for event in source.objects():
            if isinstance(event, ObjectsRead):
                for item in event.items:
                    survey.learn(item, event.kind)
                progress.advance(len(event.items))
            elif isinstance(event, StartedOver):
                survey.start_over(event.resource)
            else:
                coverage += event.coverage
        _refuse_gaps(name, coverage)
        seen[name] = ClusterSeen(as_of, tuple(sorted(set(platforms.values()))))
        found[name] = survey.found()
        if cutover.pull_secret is not None:
            found[name] = replace(found[name], accounts=source.service_accounts())
    return seen, found


def look_at_destination(
    connections: Connections,
    cutover: CutoverSettings,
    wanted: Mapping[ImageKey, frozenset[str]],
    found: Mapping[str, Found],
    *,
    progress: Progress | None = None,
) -> dict[ImageKey, AtDestination]:
    """What the destination serves of each image, for its platforms. Raises RegistryError where it cannot be asked."""
    if not wanted:
        return {}
    tell = progress or Silent()
    destination = RegistryClient(connections.registry(cutover.to))
    destination.ping()
    old = _OldRegistry(connections, cutover.source)
    rewriting = cutover.names.rewriting()
    collisions = {
        source: str(collision)
        for collision in rewriting.collisions({key.repository for key in wanted})
        for source in collision.sources
    }
    tell.begin(f"images at {cutover.to}", total=len(wanted))
    seen: dict[ImageKey, AtDestination] = {}
    for key, platforms in sorted(wanted.items(), key=lambda pair: str(pair[0])):
        tell.advance()
        try:
            repository = rewriting.rewrite(key.repository)
        except Refused as error:
            seen[key] = AtDestination(key.repository, why=str(error))
            continue
        if key.repository in collisions:
            why = f"{collisions[key.repository]}; give each a name of its own (`names.map`)"
            seen[key] = AtDestination(repository, why=why)
            continue
        question = _Question(key, repository, platforms, _running(key, found), cutover)
        seen[key] = question.ask(destination, old)
    return seen


@dataclass(frozen=True)
class _Question:
    key: ImageKey
    repository: str
    platforms: frozenset[str]
    running: frozenset[str]
    cutover: CutoverSettings

    def ask(self, destination: RegistryClient, old: _OldRegistry) -> AtDestination:
        known = old.digest_of(self.key)
        name = self.cutover.to
        try:
            reference = known.digest or self.key.tag or "latest"
            if self.cutover.pin == "tag" and self.key.tag is not None and self.key.digest is None:
                tagged = destination.head_manifest(self.repository, self.key.tag)
                if known.digest is not None and tagged != known.digest:
                    return self._not(
                        f"the tag {self.key.tag} of {self.repository} is another image at {name}: {tagged} instead of"
                        f" {known.digest} ({known.source}); copy it again"
                    )
                reference = tagged
            served = look_whether_served(destination, self.repository, reference, sorted(self.platforms))
        except RegistryError as error:
            return self._not(f"{name} cannot be seen to serve {self.repository} ({self.key}): {error}")
        if known.digest is None and not self.running & {served.digest, *served.contains}:
            return self._not(
                f"nobody can tell which image {self.key} is: {known.source}, no catalog of it is known, and what runs"
                f" is not what {name} has; take a catalog of {self.cutover.source} while it can be read, or name the"
                " image by its digest"
            )
        return AtDestination(self.repository, served.digest, served.lacking, served.contains)

    def _not(self, why: str) -> AtDestination:
        return AtDestination(self.repository, why=why)


@dataclass(frozen=True, slots=True)
class _Known:
    digest: str | None
    source: str  #: who says so, or why nobody does


@dataclass
class _OldRegistry:
    connections: Connections
    name: str
    _away: str | None = field(default=None, init=False)
    _asked: bool = field(default=False, init=False)

    def digest_of(self, key: ImageKey) -> _Known:
        """The digest behind an image of the old registry, as far as anybody knows."""
        if key.digest is not None:
            return _Known(key.digest, "written in the workload")
        tag = key.tag or "latest"
        client = RegistryClient(self.connections.registry(self.name))
        if not self._asked:
            self._asked = True
            try:
                client.ping()
            except RegistryError as error:
                self._away = str(error)
        why = self._away
        if why is None:
            try:
                return _Known(client.head_manifest(key.repository, tag), f"as {self.name} has it now")
            except RegistryError as error:
                why = str(error)
        past = self.connections.history.last_pointing(self.name, key.repository, tag)
        if past.empty:
            return _Known(None, f"{self.name} does not tell ({why})")
        newest = past.iloc[0]
        return _Known(str(newest["digest"]), f"by the catalog of {newest['last_seen_at']:%Y-%m-%d %H:%M} UTC")


def _running(key: ImageKey, found: Mapping[str, Found]) -> frozenset[str]:
    """Digests that nodes told of pods that name this image."""
    digests: set[str] = set()
    for one in found.values():
        texts = {
            (pointing.workload.uid, image.text)
            for pointing in one.pointing
            for image in pointing.images
            if (image.repository, image.tag, image.digest) == key
        }
        for place in texts:
            digests |= one.running.get(place, frozenset())
    return frozenset(digests)


def _refuse_old(connections: Connections, cluster: str, as_of: datetime) -> None:
    most = connections.site.limits.max_inventory_age
    age = datetime.now(UTC) - as_of
    if age > most:
        raise PlanStale(
            f"what is known of the cluster {cluster} is {print_age(age)} old and limits.max_inventory_age is"
            f" {print_span(most)}; dump it anew"
        )


def _refuse_gaps(cluster: str, coverage: Coverage) -> None:
    gaps = coverage.unexcused
    if gaps:
        more = f" (and {len(gaps) - 1} more)" if len(gaps) > 1 else ""
        raise IncompleteSnapshot(
            f"no cut-over of the cluster {cluster} can be planned: {gaps[0]}{more}; what was not read could go on"
            " pulling from the old registry unseen"
        )
