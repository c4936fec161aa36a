"""Resolve references against a registry as it is now, with the documents that say what an image is made of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from registry_core.coverage import Fault
from registry_core.errors import RegistryError
from registry_core.index_entries import may_be_manifests
from registry_core.manifests import read_manifest
from registry_core.usage_now import Name
from resources.registry.asking import answers
from resources.registry.connection import RegistryConnection
from resources.registry.listed_entries import is_listed_blob
from resources.registry.reading import Manifest, Reader


@dataclass(frozen=True, slots=True)
class Resolved:
    """What a name is now: `digest`, or the fault that says why not. `documents` are its manifest and, of an index,
    those of its children that could be read, by digest."""

    name: Name
    digest: str | None = None
    documents: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    fault: Fault | None = None
    detail: str = ""


def resolve_all(connection: RegistryConnection, names: Iterable[Name]) -> Iterator[Resolved]:
    """Ask for each name; answers come as they arrive, one for each, and nothing of the registry is raised."""
    return answers(connection, names, _resolve)


async def _resolve(reader: Reader, name: Name) -> Resolved:
    repository, reference = name
    try:
        manifest = await reader.manifest(repository, reference)
    except RegistryError as error:
        return Resolved(name, fault=error.fault, detail=str(error))
    documents = {manifest.digest: manifest.body}
    for child, is_manifest in _listed_by(manifest).items():
        try:
            if not is_manifest and await is_listed_blob(reader, repository, child):
                continue
            documents[child] = (await reader.manifest(repository, child)).body
        except RegistryError:
            continue  # whoever asks for the parts of the image learns why
    return Resolved(name, manifest.digest, documents)


def _listed_by(manifest: Manifest) -> dict[str, bool]:
    try:
        facts = read_manifest(manifest.body, digest=manifest.digest, content_type=manifest.media_type)
    except RegistryError:
        return {}  # no document of a kind that we know: it lists nothing
    return may_be_manifests(facts.children, facts.listed_as)
