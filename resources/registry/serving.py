"""Is an image there to be pulled, by nodes of these platforms? Asked of the registry now, nothing believed from before.

What a runtime would pull is walked: the manifest, the children of an index that run on a platform, their configs (read
and proven, and they must be of that platform), their layers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from registry_core.coverage import Fault
from registry_core.errors import RegistryError
from registry_core.manifests import ChildDescriptor, children, descriptors, read_config, read_manifest
from registry_core.media_types import is_schema1
from registry_core.platforms import Platform, serves
from resources.registry.client import RegistryClient
from resources.registry.probing import Probe, probe_all
from resources.registry.reading import Manifest

#: Indexes in indexes are rare, and a circle is possible.
_DEEPEST = 4


@dataclass(frozen=True, slots=True)
class Served:
    """What was seen of one image.

    `lacking` says for each platform that it is not served for, why; `faults` are the words of what was found missing,
    so that a registry that could not be asked is told from one that has it not. `contains` are the digests of its
    children and configs that were looked at.
    """

    digest: str
    lacking: Mapping[str, str] = field(default_factory=dict)
    faults: frozenset[Fault] = frozenset()
    contains: frozenset[str] = frozenset()

    @property
    def is_certain(self) -> bool:
        """Whether the registry answered whatever was asked: what is lacking then is not there."""
        return self.faults <= {"missing", "corrupt"}


def look_whether_served(client: RegistryClient, repository: str, reference: str, platforms: Iterable[str]) -> Served:
    """Look at one image for these platforms. Raises RegistryError where its own manifest cannot be read."""
    manifest = client.manifest(repository, reference)
    look = _Look(client, repository)
    wanted = tuple(dict.fromkeys(platforms))
    look.walk(manifest, wanted, depth=0)
    look.ask_for_layers()
    return Served(
        digest=manifest.digest,
        lacking={platform: look.lacking[platform] for platform in wanted if platform in look.lacking},
        faults=frozenset(look.faults),
        contains=frozenset(look.contains - {manifest.digest}),
    )


class _Look:
    def __init__(self, client: RegistryClient, repository: str) -> None:
        self._client = client
        self._repository = repository
        self._layers: dict[str, tuple[int | None, set[str]]] = {}  #: size and platforms, by digest
        self.lacking: dict[str, str] = {}
        self.faults: set[Fault] = set()
        self.contains: set[str] = set()

    def walk(self, manifest: Manifest, platforms: tuple[str, ...], *, depth: int) -> None:
        """Look at a manifest for the sake of platforms, of which each must be served by it."""
        self.contains.add(manifest.digest)
        try:
            facts = read_manifest(manifest.body, digest=manifest.digest, content_type=manifest.media_type)
            listed = tuple(child for child in children(facts) if not self._is_blob(child))
        except RegistryError as error:
            self._lack(platforms, str(error), error.fault)
            return
        if listed:
            self._walk_children(manifest.digest, listed, platforms, depth=depth)
            return
        for blob in descriptors(facts):
            if blob.kind == "layer" and not blob.foreign:
                self._layers.setdefault(blob.digest, (blob.size_bytes or None, set()))[1].update(platforms)
        told: tuple[str | None, str | None, str | None]
        if is_schema1(facts.media_type):
            told = (facts.os or "linux", facts.architecture, facts.variant)
        elif facts.config_digest is None:
            told = (None, None, None)  # an artifact: no node would run it
        else:
            self.contains.add(facts.config_digest)
            try:
                config = read_config(self._client.config(self._repository, facts.config_digest))
            except RegistryError as error:
                self._lack(platforms, f"its config: {error}", error.fault)
                return
            told = (config.os, config.architecture, config.variant)
        self._hold_against(platforms, *told)

    def ask_for_layers(self) -> None:
        """One HEAD for each layer that was found."""
        probes = [
            Probe(self._repository, digest, "blob", size_bytes=size) for digest, (size, _) in self._layers.items()
        ]
        for probed in probe_all(self._client.connection, probes):
            if probed.fault is not None:
                self._lack(self._layers[probed.probe.digest][1], f"a layer: {probed.detail}", probed.fault)

    def _walk_children(
        self, digest: str, listed: tuple[ChildDescriptor, ...], platforms: tuple[str, ...], *, depth: int
    ) -> None:
        by_child = {child.digest: tuple(_served_by(child, platforms)) for child in listed}
        for platform in platforms:
            if not any(platform in served for served in by_child.values()):
                names = ", ".join(sorted({child.platform for child in listed if child.platform})) or "none"
                self._lack([platform], f"{digest} lists no image for it (it lists: {names})", "missing")
        for child, served in by_child.items():
            if not served:
                continue
            if depth >= _DEEPEST:
                self._lack(served, f"{digest} is an index in an index, deeper than any runtime looks", "corrupt")
                continue
            try:
                manifest = self._client.manifest(self._repository, child)
            except RegistryError as error:
                self._lack(served, f"its child: {error}", error.fault)
            else:
                self.walk(manifest, served, depth=depth + 1)

    def _is_blob(self, entry: ChildDescriptor) -> bool:
        if entry.kind == "unknown":
            return self._client.is_listed_blob(self._repository, entry.digest)
        return entry.kind == "blob"

    def _hold_against(
        self, platforms: Iterable[str], os: str | None, architecture: str | None, variant: str | None
    ) -> None:
        if not os or not architecture:
            self._lack(platforms, "it does not say for which platform it is, so no node would run it", "corrupt")
            return
        built = Platform(os, architecture, variant or "")
        for platform in platforms:
            if not serves(built, platform):
                self._lack([platform], f"it is for {built}", "missing")

    def _lack(self, platforms: Iterable[str], why: str, fault: Fault) -> None:
        self.faults.add(fault)
        for platform in platforms:
            self.lacking.setdefault(platform, why)


def _served_by(child: ChildDescriptor, platforms: Iterable[str]) -> Iterator[str]:
    """Platforms whose nodes might take this child; one without a platform is looked into for all of them."""
    if child.attestation_of is None:
        yield from (platform for platform in platforms if child.platform is None or serves(child.platform, platform))
