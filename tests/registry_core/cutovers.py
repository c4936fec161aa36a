"""Cut-overs for tests: a survey of given objects, and a destination that serves all or what a test says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from registry_core.cutover import Basis, ClusterSeen, CutoverPlan
from registry_core.cutover_decide import AtDestination, ImageKey, make_cutover_plan, wanted_platforms
from registry_core.cutover_objects import OldNames
from registry_core.cutover_survey import ClusterSurvey, Found, Scope
from registry_core.globs import compile_globs
from registry_core.registry_directory import RegistryNames
from registry_core.workload_kinds import kinds_to_read
from tests.kubernetes import DIGEST, OLD_HOST

AS_OF = datetime(2026, 4, 1, 12, tzinfo=UTC)
NEW_HOST = "new.example.com"
OLD = RegistryNames.of_hosts("old", OLD_HOST)

_KINDS = {(kind.group, kind.kind): kind for kind in kinds_to_read()}


def survey(
    items: Iterable[Mapping[str, Any]], *, cluster: str = "production", namespaces: tuple[str, ...] = ("*",)
) -> Found:
    """What of these objects points at the old registry."""
    found = ClusterSurvey(Scope(cluster, OldNames(OLD), compile_globs(namespaces)))
    for item in items:
        version = str(item["apiVersion"])
        kind = _KINDS.get((version.partition("/")[0] if "/" in version else "", str(item["kind"])))
        if kind is not None:
            found.learn(item, kind)
    return found.found()


def basis(*clusters: str, platforms: tuple[str, ...] = ("linux/amd64",), **changes: Any) -> Basis:
    given: dict[str, Any] = {
        "name": "move", "source": "old", "destination": "new", "host": NEW_HOST,
        "clusters": {name: ClusterSeen(AS_OF, platforms) for name in clusters or ("production",)},
    }  # fmt: skip
    return Basis(**{**given, **changes})


def serving(key: ImageKey) -> AtDestination:
    """The destination has it, under the same name."""
    return AtDestination(repository=key.repository, digest=key.digest or DIGEST)


def plan_of(
    *items: Mapping[str, Any], seen: Mapping[ImageKey, AtDestination] | None = None, **changes: Any
) -> CutoverPlan:
    """The plan for one cluster with these objects; what `seen` does not tell is served."""
    made, found = basis(**changes), {"production": survey(items)}
    wanted = wanted_platforms(found, made)
    return make_cutover_plan(made, found, {key: (seen or {}).get(key) or serving(key) for key in wanted})
