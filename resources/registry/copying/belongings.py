"""What belongs to an image at the source: what it lists, its blobs, what refers to it, cosign's tags."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from registry_core.copying import CopyChoice, ImageCopy
from registry_core.digests import COSIGN_SUFFIXES, fallback_tag
from registry_core.errors import RegistryError
from registry_core.foreign_json import digest_in, entries_of, read_object
from registry_core.manifests import BlobDescriptor, children, descriptors, media_type_of
from registry_core.media_types import is_manifest
from resources.registry.listed_entries import is_listed_blob
from resources.registry.reading import Manifest, Reader
from resources.registry.referrers import ReferrersReader
from resources.registry.refusals import hides_its_list


@dataclass(frozen=True, slots=True)
class Held:
    """One manifest of an image, with what must be there before it can be stored."""

    manifest: Manifest
    media_type: str  #: to store it under
    children: tuple[str, ...]
    blobs: tuple[BlobDescriptor, ...]
    subject: str | None
    unsure: tuple[BlobDescriptor, ...] = ()  #: listed without a known type; none in what `Gathering` gives
    artifact_type: str | None = None  #: as a list of referrers shows it
    annotations: dict[str, str] = field(default_factory=dict)
    urls: dict[str, tuple[str, ...]] = field(default_factory=dict)  #: of foreign layers

    @property
    def digest(self) -> str:
        return self.manifest.digest


@dataclass(frozen=True, slots=True)
class Belongings:
    """An image with all that is to be copied with it."""

    image: ImageCopy
    digest: str
    manifests: dict[str, Held]  #: each after those that it needs: children, subject
    referrers: dict[str, list[str]]  #: subject → those that name it
    lists: dict[str, Manifest]  #: subject → the list of referrers under its fallback tag at the source
    signature_tags: dict[str, str]  #: cosign's tags → digest
    foreign: tuple[str, ...]  #: layers that are not fetched
    lost: tuple[str, ...]  #: listed as referrers and not there

    def blobs(self, *, without: Collection[str] = ()) -> dict[str, BlobDescriptor]:
        """The blobs that are to be at the destination, by digest; `without` those that only these manifests need."""
        left_out = set(self.foreign)
        wanted = [held for held in self.manifests.values() if held.digest not in without]
        found = {blob.digest: blob for held in wanted for blob in held.blobs}
        return {digest: blob for digest, blob in found.items() if digest not in left_out}

    @property
    def attached(self) -> tuple[str, ...]:
        """Manifests that no index lists: the image is pulled as well without them, so nobody notices their loss."""
        referrers = {digest for found in self.referrers.values() for digest in found}
        return tuple(sorted(referrers.union(self.signature_tags.values())))

    def wanted_tags(self) -> dict[str, str]:
        """Tags of the destination, the image's own last."""
        own = {self.image.to_tag: self.digest} if self.image.to_tag is not None else {}
        return {**self.signature_tags, **dict.fromkeys(self.image.also_tags, self.digest), **own}


class SourceMemory:
    """What one copy learned about the source's repositories: the tags, listed once, so that four questions for every
    manifest are no requests; and which have no referrers API."""

    def __init__(self) -> None:
        self.without_api: set[str] = set()
        self._lock = threading.Lock()
        self._turns: dict[str, threading.Lock] = {}
        self._tags: dict[str, frozenset[str] | None] = {}

    def tags(self, reader: Reader, repository: str) -> Collection[str] | None:
        """None where the registry does not list tags, so that each must be asked for."""
        with self._lock:
            turn = self._turns.setdefault(repository, threading.Lock())
        with turn:
            if repository not in self._tags:
                try:
                    self._tags[repository] = frozenset(reader.engine.run(reader.tags(repository)))
                except RegistryError as error:
                    if not hides_its_list(error):
                        raise
                    self._tags[repository] = None
            return self._tags[repository]


class Gathering:
    """Reads everything that belongs to one image. Raises RegistryError where the image is not whole."""

    def __init__(self, reader: Reader, image: ImageCopy, choice: CopyChoice, memory: SourceMemory) -> None:
        self._reader = reader
        self._image = image
        self._choice = choice
        self._memory = memory
        self._tags = memory.tags(reader, image.repository) if choice.referrers or choice.signatures else None
        self._referrers_reader = ReferrersReader(reader)
        self._read: dict[str, Held] = {}
        self._referrers: dict[str, list[str]] = {}
        self._lists: dict[str, Manifest] = {}
        self._signatures: dict[str, str] = {}
        self._lost: list[str] = []

    async def gather(self) -> Belongings:
        root = await self._reader.manifest(self._image.repository, self._image.reference)
        await self._take(root)
        asked: set[str] = set()
        while fresh := [digest for digest in self._read if digest not in asked]:
            asked.update(fresh)
            await self._ask_about(fresh[0])  # tells whether there is an API at all
            await self._reader.engine.each(fresh[1:], self._ask_about)
        ordered = _in_order(self._read, root.digest)
        foreign = () if self._choice.foreign_layers else _foreign(ordered.values())
        return Belongings(
            image=self._image,
            digest=root.digest,
            manifests=ordered,
            referrers=self._referrers,
            lists=self._lists,
            signature_tags=self._signatures,
            foreign=foreign,
            lost=tuple(self._lost),
        )

    async def _take(self, manifest: Manifest) -> None:
        """Remember a manifest and read what it lists."""
        if manifest.digest in self._read:
            return
        held = self._read[manifest.digest] = await self._with_kinds(read_held(manifest))
        unread = [digest for digest in dict.fromkeys(held.children) if digest not in self._read]
        await self._reader.engine.each(unread, self._take_child)

    async def _with_kinds(self, held: Held) -> Held:
        """Ask what each entry is that no known media type names: a blob, or a manifest."""
        found: dict[str, bool] = {}

        async def ask(entry: BlobDescriptor) -> None:
            found[entry.digest] = await is_listed_blob(self._reader, self._image.repository, entry.digest)

        if not held.unsure:
            return held
        await self._reader.engine.each(held.unsure, ask)
        blobs = tuple(entry for entry in held.unsure if found[entry.digest])
        children = tuple(entry.digest for entry in held.unsure if not found[entry.digest])
        return replace(held, children=(*held.children, *children), blobs=(*held.blobs, *blobs), unsure=())

    async def _take_child(self, digest: str) -> None:
        if digest not in self._read:
            await self._take(await self._reader.manifest(self._image.repository, digest))

    async def _ask_about(self, digest: str) -> None:
        if self._choice.referrers:
            await self._ask_for_referrers(digest)
        if self._choice.signatures:
            for suffix in COSIGN_SUFFIXES:
                tag = fallback_tag(digest) + suffix
                manifest = await self._tagged(tag)
                if manifest is not None:
                    self._signatures[tag] = manifest.digest
                    await self._take(manifest)

    async def _ask_for_referrers(self, digest: str) -> None:
        listed: dict[str, None] = {}
        repository = self._image.repository
        if repository not in self._memory.without_api:
            by_api = await self._referrers_reader.by_api(repository, digest)
            if by_api is None:
                self._memory.without_api.add(repository)
            listed.update(dict.fromkeys(referrer.digest for referrer in by_api or ()))
        manifest = await self._tagged(fallback_tag(digest))
        if manifest is not None:
            held = read_held(manifest)
            if entries := (*held.children, *(entry.digest for entry in held.unsure)):
                listed.update(dict.fromkeys(entries))
                self._lists[digest] = manifest
        for referrer in listed:
            if referrer != digest:
                await self._take_referrer(digest, referrer)

    async def _take_referrer(self, subject: str, digest: str) -> None:
        """Some registries list what names another subject; one that is lost is told, and does not stop the image."""
        try:
            manifest = await self._reader.manifest(self._image.repository, digest)
        except RegistryError as error:
            if error.fault != "missing":
                raise
            self._lost.append(digest)
            return
        if read_held(manifest).subject == subject:
            self._referrers.setdefault(subject, []).append(digest)
            await self._take(manifest)

    async def _tagged(self, tag: str) -> Manifest | None:
        if self._tags is not None and tag not in self._tags:
            return None
        try:
            return await self._reader.manifest(self._image.repository, tag)
        except RegistryError as error:
            if error.fault != "missing":
                raise
            return None


def read_held(manifest: Manifest) -> Held:
    """What a manifest needs. One of a type that nobody knows is read by its shape, and stored under its own type."""
    document = read_object(manifest.body, what=f"manifest {manifest.digest}", content_type=manifest.media_type)
    media_type = media_type_of(document, manifest.media_type)
    shape = document if is_manifest(media_type) else {k: v for k, v in document.items() if k != "mediaType"}
    if is_manifest(media_type) and "mediaType" not in document:
        shape = {**document, "mediaType": media_type}
    listed = children(shape)
    manifests = {child.digest: None for child in listed if child.kind == "manifest"}
    unsure = {
        child.digest: BlobDescriptor(child.digest, child.size_bytes, child.media_type, "listed")
        for child in listed
        if child.kind == "unknown" and child.digest not in manifests
    }
    blobs = [blob for blob in descriptors(shape) if blob.digest not in unsure and blob.digest not in manifests]
    config, annotations = document.get("config"), document.get("annotations")
    artifact_type = document.get("artifactType") or (config.get("mediaType") if isinstance(config, dict) else None)
    return Held(
        manifest=manifest,
        media_type=manifest.media_type or media_type,
        children=tuple(manifests),
        blobs=tuple(blobs),
        unsure=tuple(unsure.values()),
        subject=digest_in(document.get("subject")),
        artifact_type=artifact_type if isinstance(artifact_type, str) else None,
        annotations=annotations if isinstance(annotations, dict) else {},
        urls={layer["digest"]: _urls(layer) for layer in entries_of(document, "layers") if digest_in(layer)},
    )


def _urls(layer: Mapping[str, Any]) -> tuple[str, ...]:
    urls = layer.get("urls")
    wanted = urls if isinstance(urls, list) else []
    return tuple(url for url in wanted if isinstance(url, str) and url.startswith(("https://", "http://")))


def _in_order(read: dict[str, Held], root: str) -> dict[str, Held]:
    """Everything after what it needs, and the image with its children before what refers to it."""
    ordered: dict[str, Held] = {}

    def add(digest: str) -> None:
        held = read.get(digest)
        if held is None or digest in ordered:
            return
        for child in held.children:
            add(child)
        ordered[digest] = held

    for digest in (root, *read):
        add(digest)
    return ordered


def _foreign(manifests: Iterable[Held]) -> tuple[str, ...]:
    blobs = [blob for held in manifests for blob in held.blobs]
    at_home = {blob.digest for blob in blobs if not blob.elsewhere}
    return tuple(dict.fromkeys(blob.digest for blob in blobs if blob.elsewhere and blob.digest not in at_home))
