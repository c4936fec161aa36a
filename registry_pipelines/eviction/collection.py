"""Collection: what only the registry itself can free, how, and doing it in its pod when a person has said so.

A person says so by typing the registry's name: there is no list of entries to approve, and nothing that is stored
under a name is touched.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Protocol

from assets.taking.progress import Progress, Silent
from registry_core.errors import ClusterError, PartialFailure, Refused
from registry_core.foreign_json import read_object
from registry_core.manifests import BlobDescriptor, descriptors
from resources.clusters.pod_commands import CommandOutput, PodCommands, PodPlace
from resources.configuration.eviction_settings import CollectionSettings
from resources.connections import Connections
from resources.registry.client import RegistryClient
from resources.registry.push_probe import takes_pushes

DISTRIBUTION_COMMAND = "registry garbage-collect /etc/docker/registry/config.yml"


class RunsCommands(Protocol):
    """Runs a command where the registry's storage is."""

    def run(self, command: Sequence[str]) -> CommandOutput: ...


@dataclass(frozen=True)
class Collected:
    """Bytes of the storage before and after, and the last that the command wrote."""

    before_bytes: int
    after_bytes: int
    lines: tuple[str, ...] = field(repr=False)

    @property
    def freed_bytes(self) -> int:
        return self.before_bytes - self.after_bytes


def bytes_to_collect(connections: Connections, fingerprint: str) -> int:
    """Bytes of the blobs that only images deleted by this plan needed: what collection frees of it.

    Reads the manifest of every stored image; about half a minute for 400,000.
    """
    record = connections.ledger.record(fingerprint)
    lines = connections.ledger.lines(record.fingerprint)
    gone = {(line.repository, line.digest) for line in lines if line.outcome and line.outcome.word == "deleted"
            and line.kind == "delete"}  # fmt: skip
    sizes: dict[str, int] = {}
    for digest, document in connections.ledger.kept_documents({digest for _, digest in gone}):
        sizes[digest] = len(document)
        sizes.update({blob.digest: blob.size_bytes for blob in _blobs(document) if not blob.foreign})
    images = connections.history.read_catalog(record.subject).images
    stays = {digest for repository, digest in zip(images["repository"], images["digest"], strict=True)
             if (repository, digest) not in gone}  # fmt: skip
    for digest, document in connections.history.documents(stays):
        sizes.pop(digest, None)
        for blob in _blobs(document):
            sizes.pop(blob.digest, None)
    return sum(sizes.values())


def how_to_collect(connections: Connections, registry: str) -> str:
    """What a person does to free the bytes, with the exact command for distribution."""
    settings = connections.registry_settings(registry).collection
    if settings is None:
        return (
            f"For distribution: make the registry read-only (`storage.maintenance.readonly.enabled: true`), run"
            f" `{DISTRIBUTION_COMMAND}` where it runs, and start it again. Leave out `--delete-untagged`: it takes"
            " parts of multi-platform images. Other registries collect by themselves or in their own administration."
        )
    container = f" -c {settings.container}" if settings.container else ""
    return (
        f"`registry-pipelines collect {registry}`, or: `kubectl exec -n {settings.namespace}"
        f" $(kubectl get pods -n {settings.namespace} -l {settings.pod_selector} -o name){container} --"
        f" {shlex.join(settings.command)}` in the cluster {settings.cluster}, while nobody pushes."
    )


def collect(
    connections: Connections,
    registry: str,
    *,
    confirmed: str,
    runs: RunsCommands | None = None,
    progress: Progress | None = None,
) -> Collected:
    """Let the registry collect, and measure its storage before and after.

    `confirmed` is the registry's name as the person typed it. Refused without it, where no `collection` is
    configured, while the registry takes pushes (unless `allow_pushes`), and while a plan is being carried out there.
    Raises ClusterError; PartialFailure where the command ends with an error.
    """
    settings = connections.registry_settings(registry).collection
    if settings is None:
        raise Refused(f"no `collection` is configured for {registry}. {how_to_collect(connections, registry)}")
    if confirmed != registry:
        raise Refused(f"collection of {registry} was not confirmed: type the registry's name, {registry!r}")
    busy = [one.short for one in connections.ledger.plans(registry, {"executing"}) if one.holder]
    if busy:
        raise Refused(f"collection of {registry} waits: the plan {busy[0]} is being carried out there")
    if not settings.allow_pushes:
        _refuse_while_pushes_are_possible(connections, registry)
    tell = progress or Silent()
    commands = runs or _in_the_pod(connections, settings)
    before = _measure(commands, settings)
    tell.note(f"{registry}: its storage holds {before:,} bytes; collecting")
    ended = commands.run(settings.command)
    for line in ended.lines[-20:]:
        tell.note(line)
    after = _measure(commands, settings)
    if ended.status:
        last = ended.lines[-1] if ended.lines else "it wrote nothing"
        raise PartialFailure(
            f"the collection of {registry} ended with status {ended.status} after freeing {before - after:,} bytes:"
            f" {last}; `{shlex.join(settings.command)}` is what ran"
        )
    return Collected(before, after, ended.lines)


def _refuse_while_pushes_are_possible(connections: Connections, registry: str) -> None:
    tags = connections.history.read_catalog(registry).tags
    repository = str(tags["repository"].iloc[0]) if len(tags) else "library/none"
    with closing(connections.registry_to_change(registry)) as connection:
        if takes_pushes(RegistryClient(connection), repository):
            raise Refused(
                f"collection of {registry} is refused while it takes pushes, because an image pushed meanwhile may lose"
                " layers: set `storage.maintenance.readonly.enabled: true` (REGISTRY_STORAGE_MAINTENANCE_READONLY="
                "'{\"enabled\":true}') and start it again, or set `collection.allow_pushes`"
            )


def _in_the_pod(connections: Connections, settings: CollectionSettings) -> PodCommands:
    place = PodPlace(settings.namespace, settings.pod_selector, settings.container)
    return PodCommands(connections.cluster_connection(settings.cluster), place)


def _measure(commands: RunsCommands, settings: CollectionSettings) -> int:
    ended = commands.run(("du", "-sk", settings.storage))
    words = ended.lines[-1].split() if ended.lines else []
    if ended.status or not words or not words[0].isdigit():
        raise ClusterError(
            f"could not measure {settings.storage} with `du -sk`: {' '.join(ended.lines[-1:]) or 'it wrote nothing'};"
            " set `collection.storage` to the folder of the registry's storage",
            fault="missing",
        )
    return int(words[0]) * 1024


def _blobs(document: bytes) -> Sequence[BlobDescriptor]:
    return descriptors(read_object(document, what="a kept manifest"))
