"""The look at the destination just before a workload is patched: it must serve now what the plan saw."""

from __future__ import annotations

from registry_core.cutover import CutoverPlan
from registry_core.cutover_entries import Entry, ImageChange
from registry_core.cutover_outcome import CutoverOutcome
from registry_core.errors import ClusterError, RegistryError
from registry_core.references import Reference
from resources.connections import Connections
from resources.registry.client import RegistryClient
from resources.registry.serving import look_whether_served

#: What the registry says for certain: the image cannot be pulled from there.
_CERTAIN = ("missing", "corrupt")


class FreshLook:
    """Asks the destination again, for the platforms that the nodes have now."""

    def __init__(self, connections: Connections, plan: CutoverPlan) -> None:
        self._connections = connections
        self._plan = plan
        self._client = RegistryClient(connections.registry(plan.basis.destination))
        self._platforms: dict[str, frozenset[str]] = {}

    def at(self, entry: Entry) -> CutoverOutcome | None:
        """None where all images of a workload are served; else why it is not patched.

        Raises RegistryError where the destination does not answer, or has no time for us.
        """
        wanted = self._wanted(entry)
        for change in {(one.repository, one.digest, one.new): one for one in entry.images}.values():
            try:
                if why := self._trouble(change, wanted):
                    return CutoverOutcome("spared", why)
            except RegistryError as error:
                why = f"{self._plan.basis.destination} cannot be seen to serve {change.new}: {error}"
                if error.fault in _CERTAIN:
                    return CutoverOutcome("spared", why)
                if error.fault == "forbidden":
                    return CutoverOutcome("failed", why)
                raise
        return None

    def _trouble(self, change: ImageChange, platforms: frozenset[str]) -> str | None:
        reference = Reference.parse(change.new).with_default_tag()
        if reference.digest is None:
            tagged = self._client.head_manifest(change.repository, reference.tag or "latest")
            if tagged != change.digest:
                return f"the tag of {change.new} was moved since the plan: it is {tagged} and was {change.digest}"
        served = look_whether_served(self._client, change.repository, change.digest, sorted(platforms))
        if not served.lacking:
            return None
        platform, why = next(iter(served.lacking.items()))
        if not served.is_certain:
            fault = next(one for one in sorted(served.faults) if one not in _CERTAIN)
            raise RegistryError(f"for {platform}: {why}", fault=fault, retryable=fault != "forbidden")
        return f"{self._plan.basis.destination} no longer serves {change.new} for {platform}: {why}"

    def _wanted(self, entry: Entry) -> frozenset[str]:
        """The platforms of the plan, and for workloads that may land anywhere those of nodes that came since."""
        cluster = entry.workload.cluster
        planned = frozenset(self._plan.basis.clusters[cluster].platforms)
        if frozenset(entry.platforms) != planned:
            return frozenset(entry.platforms)
        if cluster not in self._platforms:
            try:
                platforms, _ = self._connections.cluster(cluster).nodes()
            except ClusterError:
                platforms = {}  # who changes it will meet the same, and tell it better
            self._platforms[cluster] = planned | frozenset(platforms.values())
        return self._platforms[cluster]
