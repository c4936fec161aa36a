"""What to read of a cluster, by its settings: kinds of objects, and which of them may be missing."""

from __future__ import annotations

from dataclasses import dataclass

from registry_core.coverage import Coverage, Fault, Gap
from registry_core.errors import ConfigError, Problem
from registry_core.workload_kinds import NODES, WorkloadKind, custom_kind, kinds_to_read
from resources.configuration.settings import ClusterSettings


@dataclass(frozen=True, slots=True)
class Wanted:
    """The kinds to read, in reading order, and what their absence means."""

    kinds: tuple[WorkloadKind, ...]
    may_be_missing: frozenset[str]

    @classmethod
    def of(cls, cluster: str, settings: ClusterSettings) -> Wanted:
        """Raises ConfigError for paths that cannot be read and for names that nothing is read by."""
        problems: list[Problem] = []
        configured: list[WorkloadKind] = []
        for position, custom in enumerate(settings.custom_resources or ()):
            try:
                configured.append(custom_kind(custom.resource, custom.kind, custom.paths))
            except ValueError as error:
                problems.append(Problem(f"clusters.{cluster}.custom_resources.{position}.paths", str(error)))
        kinds = kinds_to_read(configured)
        known = {NODES, *(kind.resource for kind in kinds)}
        for name in settings.may_be_missing:
            if name not in known and not problems:
                message = f"{name!r} is not read from a cluster; write one of: {', '.join(sorted(known))}"
                problems.append(Problem(f"clusters.{cluster}.may_be_missing", message))
        if problems:
            raise ConfigError(problems, subject=f"cluster {cluster}")
        return cls(kinds, frozenset(settings.may_be_missing))

    def gap(self, kind: WorkloadKind, fault: Fault, detail: str, *, unknown_kind: bool = False) -> Gap:
        """A gap in one resource. `unknown_kind`: the cluster says that it has no such kind of objects."""
        excused = (
            kind.resource in self.may_be_missing or kind.runs_nothing or (unknown_kind and kind.origin == "default")
        )
        return Gap(kind.resource, fault, detail, excused)


def read_whole(resource: str, objects: int) -> Coverage:
    return Coverage(asked=1, answered=1, found={resource: objects})


def not_read(gap: Gap, objects: int = 0) -> Coverage:
    """Coverage of a resource with a gap; `objects` that were seen before it are counted."""
    return Coverage(asked=1, answered=0, found={gap.place: objects} if objects else {}, gaps=(gap,))
