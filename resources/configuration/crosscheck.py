"""What is wrong between entries of a site's file that are right in themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from resources.configuration.crosscheck_copies import crosscheck_copies
from resources.configuration.crosscheck_registries import crosscheck_registries
from resources.configuration.document import KeyPath
from resources.configuration.migration_settings import CopyRuleSettings
from resources.configuration.registry_settings import RegistrySettings
from resources.configuration.settings import ClusterSettings


def crosscheck(
    clusters: Mapping[str, ClusterSettings | None],
    registries: Mapping[str, RegistrySettings | None],
    copy_rules: Mapping[KeyPath, CopyRuleSettings] | None = None,
) -> Iterator[tuple[KeyPath, str]]:
    """(place, what is wrong) for each problem. An entry that could not be read is None: nothing is said of it.

    `copy_rules` are all rules that copy, of whatever section, by their place."""
    yield from crosscheck_registries(registries)
    yield from crosscheck_copies(copy_rules or {}, clusters=clusters, registries=registries)
    for name, registry in registries.items():
        if registry is not None:
            yield from _pull_secret_out_of_reach(name, registry, clusters)
            yield from _collection_out_of_reach(name, registry, clusters)


def _pull_secret_out_of_reach(
    name: str, registry: RegistrySettings, clusters: Mapping[str, ClusterSettings | None]
) -> Iterator[tuple[KeyPath, str]]:
    credentials = registry.credentials
    if credentials is None or credentials.cluster is None:
        return
    where: KeyPath = ("registries", name, "credentials", "cluster")
    if credentials.cluster not in clusters:
        known = ", ".join(clusters) or "none"
        yield where, f"no cluster is called `{credentials.cluster}`; configured are: {known}"
        return
    cluster = clusters[credentials.cluster]
    if cluster is not None and cluster.dump is not None:
        yield (
            where,
            (
                f"`{credentials.cluster}` is read from a dump, and secrets are not in a dump; name the login in"
                " another way"
            ),
        )


def _collection_out_of_reach(
    name: str, registry: RegistrySettings, clusters: Mapping[str, ClusterSettings | None]
) -> Iterator[tuple[KeyPath, str]]:
    collection = registry.collection
    if collection is None:
        return
    where: KeyPath = ("registries", name, "collection")
    if collection.through == "harbor" and registry.provider.harbor is None:
        yield where, "Harbor's API collects in a Harbor only; write `provider: harbor` if it is one"
    elif collection.cluster is not None and collection.cluster not in clusters:
        known = ", ".join(clusters) or "none"
        yield (*where, "cluster"), f"no cluster is called `{collection.cluster}`; configured are: {known}"
