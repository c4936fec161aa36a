"""`index.json`, `oci-layout` and `holdings.jsonl`: how the contents lie in an OCI image layout between runs.

Tags are descriptors of `index.json` named `<repository>:<tag>` (OCI image specification, "Image Layout"), where
other tools find them. What an index cannot say (manifests without a tag, the repository of a blob) stands
beside it in `holdings.jsonl`, as changes that make it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from registry_core.errors import ConfigError, Problem
from registry_core.foreign_json import read_json, size_in
from resources.embedded_registry.contents import Change, Contents
from resources.embedded_registry.manifest_document import OCI_INDEX, OCI_MANIFEST
from resources.embedded_registry.names import check_repository, is_digest, is_tag
from resources.embedded_registry.rejections import Rejection

REF_NAME = "org.opencontainers.image.ref.name"


@dataclass(frozen=True, slots=True)
class NamedManifest:
    """One tag of `index.json`."""

    repository: str
    tag: str
    digest: str
    media_type: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class IndexFile:
    """`index.json` as read: our tags, and descriptors that name no repository and tag, kept as they are."""

    named: tuple[NamedManifest, ...] = ()
    others: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)


def check_layout(root: Path) -> None:
    """Refuse a folder that is something else, before anything is written into it."""
    marker = root / "oci-layout"
    if not marker.exists():
        return
    try:
        version = read_json(marker.read_bytes())["imageLayoutVersion"]
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(Problem(str(marker), f"cannot be read as an OCI layout file ({error})")) from error
    if not str(version).startswith("1."):
        raise ConfigError(Problem(str(marker), f"is of layout version {version}; this registry knows version 1"))


def read_index(root: Path, *, known: Iterable[str]) -> IndexFile:
    """Read `index.json`. A host in front of a name is dropped, unless the whole is the name of a repository
    in `known` (ours may look like hosts, too). Two hosts with the same repository and tag are refused."""
    path = root / "index.json"
    try:
        document = read_json(path.read_bytes())
        descriptors = list(document["manifests"])
    except FileNotFoundError:
        return IndexFile()
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(Problem(str(path), f"cannot be read as an OCI image index ({error})")) from error
    known = frozenset(known)
    named: dict[tuple[str, str], NamedManifest] = {}
    others = []
    for position, descriptor in enumerate(descriptors):
        found = _named(descriptor, known)
        if found is None:
            others.append(descriptor)
            continue
        earlier = named.setdefault((found.repository, found.tag), found)
        if earlier.digest != found.digest:
            raise ConfigError(
                Problem(
                    f"{path} manifests.{position}",
                    f"{found.repository}:{found.tag} stands here twice with different digests (hosts in front of"
                    " names are dropped): split the layout, one folder for each host",
                )
            )
    return IndexFile(tuple(named.values()), tuple(others))


def write_index(root: Path, contents: Contents, others: Iterable[Mapping[str, Any]], *, durable: bool) -> None:
    """Write all tags, in order of repository and tag."""
    descriptors: list[Mapping[str, Any]] = list(others)
    for name in sorted(contents.repositories):
        held = contents.repositories[name]
        for tag in sorted(held.tags):
            digest = held.tags[tag]
            kept = held.manifests[digest]
            descriptors.append(
                {
                    "mediaType": kept.media_type,
                    "digest": digest,
                    "size": kept.size_bytes,
                    "annotations": {REF_NAME: f"{name}:{tag}"},
                }
            )
    document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": descriptors}
    write_whole(root / "index.json", json.dumps(document, separators=(",", ":")).encode(), durable=durable)


def write_holdings(root: Path, changes: Iterable[Change], *, durable: bool) -> None:
    write_whole(root / "holdings.jsonl", b"".join(change.to_line() for change in changes), durable=durable)


def write_whole(path: Path, content: bytes, *, durable: bool) -> None:
    """Replace a file so that a reader, or a process started after a crash, sees the old or the new one."""
    temporary = path.with_name(path.name + ".new")
    with temporary.open("wb") as file:
        file.write(content)
        if durable:
            file.flush()
            os.fsync(file.fileno())
    os.replace(temporary, path)
    if durable:
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _named(descriptor: Any, known: frozenset[str]) -> NamedManifest | None:
    if not isinstance(descriptor, dict) or not is_digest(str(descriptor.get("digest"))):
        return None
    annotations = descriptor.get("annotations")
    name = annotations.get(REF_NAME) if isinstance(annotations, dict) else None
    repository, colon, tag = str(name).rpartition(":")
    if not colon or not is_tag(tag):
        return None
    host, slash, rest = repository.partition("/")
    if slash and repository not in known and ("." in host or ":" in host or host == "localhost"):
        repository = rest
    try:
        check_repository(repository)
    except Rejection:
        return None
    media_type = str(descriptor.get("mediaType") or OCI_MANIFEST)
    return NamedManifest(repository, tag, descriptor["digest"], media_type, size_in(descriptor))
