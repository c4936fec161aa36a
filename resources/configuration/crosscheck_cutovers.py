"""What is wrong between cut-overs and the rest of the file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from registry_core.globs import compile_globs
from resources.configuration.credential_settings import Credentials
from resources.configuration.cutover_settings import CutoverSettings
from resources.configuration.document import KeyPath

if TYPE_CHECKING:
    from resources.configuration.registry_settings import RegistrySettings
from resources.configuration.settings import ClusterSettings


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
    yield from _two_logins(cutovers, registries)


def _two_logins(
    cutovers: Mapping[str, CutoverSettings | None], registries: Mapping[str, RegistrySettings | None]
) -> Iterator[tuple[KeyPath, str]]:
    """One secret cannot hold two logins for one registry: each cut-over would write its own over the other's."""
    known = [(name, one) for name, one in cutovers.items() if one is not None and one.pull_secret is not None]
    for position, (name, cutover) in enumerate(known):
        for other, earlier in known[:position]:
            if (
                cutover.to == earlier.to
                and _secret_of(cutover) == _secret_of(earlier)
                and not set(cutover.clusters).isdisjoint(earlier.clusters)
                and _may_share_namespaces(cutover, earlier)
                and _login(cutover, registries) != _login(earlier, registries)
            ):
                yield (
                    ("cutovers", name, "pull_secret", "name"),
                    f"`cutovers.{other}` puts another login for `{cutover.to}` into a secret of this name, in"
                    " namespaces of both; give it another name, or both the same `credentials`",
                )


def _secret_of(cutover: CutoverSettings) -> str | None:
    return None if cutover.pull_secret is None else cutover.pull_secret.name


def _login(cutover: CutoverSettings, registries: Mapping[str, RegistrySettings | None]) -> Credentials | None:
    if cutover.pull_secret is not None and cutover.pull_secret.credentials is not None:
        return cutover.pull_secret.credentials
    destination = registries.get(cutover.to)
    return None if destination is None else destination.credentials


def _may_share_namespaces(one: CutoverSettings, other: CutoverSettings) -> bool:
    """As far as their globs tell: whether one of them matches one of the other's, as it is written."""
    first, second = compile_globs(one.namespaces), compile_globs(other.namespaces)
    return any(map(first.matches, other.namespaces)) or any(map(second.matches, one.namespaces))
