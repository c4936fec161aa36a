"""What is wrong between cut-overs and the rest of the file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from resources.configuration.cutover_settings import CutoverSettings
from resources.configuration.document import KeyPath

if TYPE_CHECKING:
    from resources.configuration.settings import ClusterSettings, RegistrySettings


def crosscheck_cutovers(
    cutovers: Mapping[str, CutoverSettings | None],
    *,
    clusters: Mapping[str, ClusterSettings | None],
    registries: Mapping[str, RegistrySettings | None],
) -> Iterator[tuple[KeyPath, str]]:
    """(place, what is wrong) for each problem. An entry that could not be read is None: nothing is said of it."""
    for name, cutover in cutovers.items():
        if cutover is None:
            continue
        place: KeyPath = ("cutovers", name)
        for number, cluster in enumerate(cutover.clusters):
            if cluster not in clusters:
                known = ", ".join(clusters) or "none"
                yield (*place, "clusters", number), f"no cluster is called `{cluster}`; configured are: {known}"
        for key, registry in (("from", cutover.source), ("to", cutover.to)):
            if registry not in registries:
                known = ", ".join(registries) or "none"
                yield (*place, key), f"no registry is called `{registry}`; configured are: {known}"
        if cutover.source == cutover.to:
            yield (*place, "to"), f"`{cutover.to}` is where the workloads point already; name another registry"
        destination = registries.get(cutover.to)
        secret = cutover.pull_secret
        from_destination = secret is not None and secret.credentials is None
        if from_destination and destination is not None and destination.credentials is None:
            yield (
                (*place, "pull_secret"),
                f"nobody says which login goes into it: write `credentials` here, or for the registry `{cutover.to}`",
            )
        credentials = secret.credentials if secret is not None else None
        if credentials is not None and credentials.token is not None:
            yield (
                (*place, "pull_secret", "credentials"),
                "a pull secret holds a user name and a password; a kubelet has no use for a bearer token",
            )
