"""Try each cluster as the inventory will: a little of every kind of object that it reads."""

from __future__ import annotations

from collections.abc import Iterator

from registry_core.errors import ConfigError, RegistryPipelinesError
from registry_core.registry_directory import RegistryDirectory
from registry_core.registry_identity import most_similar
from registry_pipelines.cli.diagnosis import Diagnosis, State
from resources.clusters.opening import open_cluster
from resources.clusters.source import AccessCheck, ClusterSource, RowsRead
from resources.configuration.load import LoadedSite
from resources.configuration.secrets import read_secret
from resources.configuration.settings import ClusterSettings, Site

Hosts = dict[str, set[str]]
"""Host of a registry → clusters whose workloads name it."""


def diagnose_cluster(
    name: str, settings: ClusterSettings, directory: RegistryDirectory, *, hosts: Hosts | None = None
) -> Iterator[Diagnosis]:
    """Every kind of object of one cluster. Where it works, `hosts` learns which registries its workloads name: each by
    its identity, and by the original where something else rewrote the name."""
    subject = f"cluster {name}"
    try:
        source = open_cluster(name, settings, resolve=read_secret)
        checks = source.check_access()
    except RegistryPipelinesError as error:
        required = settings.required or isinstance(error, ConfigError)
        yield Diagnosis(subject, "connect", "fails" if required else "warning", str(error))
        return
    readable = [check.resource for check in checks if check.works]
    if readable:
        told = f"{source.describe()}: {len(readable)} kinds can be listed ({', '.join(readable)})"
        yield Diagnosis(subject, "list", "ok", told)
    if excused := [check for check in checks if check.excused and not check.works]:
        yield Diagnosis(subject, "list", "note", _excused(excused))
    for check in checks:
        if not check.works and not check.excused:
            yield _unreadable(subject, check, settings)
    if hosts is not None and readable:
        yield from _note_hosts(subject, source, directory, hosts)


def unknown_hosts(site: Site, hosts: Hosts) -> Iterator[Diagnosis]:
    """Registries that workloads name and the configuration does not know."""
    for host, clusters in sorted(hosts.items()):
        if site.registry_of_host(host) is None:
            yield Diagnosis(
                "configuration",
                f"registry {host}",
                "warning",
                f"workloads of {', '.join(sorted(clusters))} use images from {host}, and no registry has this host;"
                " their health is not checked. Add it to `registries`, or to the `hosts` of the one that it is",
            )
    known = sum(site.registry_of_host(host) is not None for host in hosts)
    yield from _unnamed(site, hosts)
    if hosts:
        yield Diagnosis("configuration", "hosts in use", "ok", f"{known} of {len(hosts)} have a registry")


def _unnamed(site: Site, hosts: Hosts) -> Iterator[Diagnosis]:
    """Registries that no workload names, so that nothing of them counts as in use."""
    named = {site.registry_of_host(host) for host in hosts}
    for name, settings in site.registries.items():
        if name in named or settings.expect_no_use or not hosts:
            continue
        similar = [near for host in settings.names for near in most_similar(host, list(hosts))]
        hint = f"; the most similar hosts in use are {', '.join(dict.fromkeys(similar))}" if similar else ""
        yield Diagnosis(
            "configuration",
            f"use of {name}",
            "warning",
            f"no workload names {' or '.join(settings.names)}{hint}; no eviction plan is made. Correct its `hosts`"
            " or `also_known_as`, or write `expect_no_use: true`",
        )


def diagnose_clusters(loaded: LoadedSite, hosts: Hosts | None) -> Iterator[Diagnosis]:
    """All clusters of the site."""
    if not loaded.site.clusters:
        yield Diagnosis("configuration", "clusters", "warning", "no cluster is configured: add one to `clusters`")
    for name, settings in loaded.site.clusters.items():
        yield from diagnose_cluster(name, settings, loaded.site.directory, hosts=hosts)


def _unreadable(subject: str, check: AccessCheck, settings: ClusterSettings) -> Diagnosis:
    state: State = "fails" if settings.required else "warning"
    tried = "connect" if check.resource == "connection" else f"list {check.resource}"
    return Diagnosis(subject, tried, state, f"{check.fault}: {check.detail}")


def _excused(checks: list[AccessCheck]) -> str:
    """Kinds that may be missing, in one sentence: most clusters lack most of the custom resources."""
    by_fault: dict[str, list[str]] = {}
    for check in checks:
        by_fault.setdefault(str(check.fault), []).append(check.resource)
    told = "; ".join(f"{fault}: {', '.join(resources)}" for fault, resources in by_fault.items())
    return f"not read, which is allowed: {told}"


def _note_hosts(subject: str, source: ClusterSource, directory: RegistryDirectory, hosts: Hosts) -> Iterator[Diagnosis]:
    references = 0
    try:
        for event in source.read():
            if isinstance(event, RowsRead):
                references += len(event.rows)
                for host, repository in {(row.registry, row.repository) for row in event.rows if row.registry}:
                    homes = directory.homes(host, repository or "")
                    for home in [home for home in homes if home.registry is not None] or homes[-1:]:
                        hosts.setdefault(home.host, set()).add(source.cluster)
    except RegistryPipelinesError as error:
        yield Diagnosis(subject, "read image references", "fails", str(error))
        return
    yield Diagnosis(subject, "read image references", "ok", f"{references:,} references")
