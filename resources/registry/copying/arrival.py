"""One image at the destination: what of it is there, storing the rest in the right order, reading it back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from registry_core.copying import ConflictRule, TagConflict, rule_tag
from registry_core.digests import fallback_tag
from registry_core.errors import RegistryError
from registry_core.foreign_json import NotJson, entries_of, read_json
from registry_core.media_types import OCI_INDEX
from resources.registry.copying.belongings import Belongings, Held
from resources.registry.reading import Manifest, Reader
from resources.registry.referrers import ReferrersReader
from resources.registry.transport.foreign_addresses import host_in
from resources.registry.uploads import Uploader


@dataclass(frozen=True, slots=True)
class Standing:
    """What a repository of the destination holds of an image."""

    manifests: frozenset[str]
    unlisted: Mapping[str, tuple[str, ...]]  #: subject → referrers that are not found by asking about it


class TagMoved(Exception):
    """A tag of the destination points elsewhere since we looked, and the rule does not let us overwrite it."""

    def __init__(self, conflict: TagConflict) -> None:
        super().__init__(str(conflict))
        self.conflict = conflict


class Arrival:
    """Looks at and writes one repository of the destination. All raise RegistryError."""

    def __init__(self, reader: Reader, belongings: Belongings, rule: ConflictRule) -> None:
        self._reader = reader
        self._uploader = Uploader(reader)
        self._belongings = belongings
        self._rule = rule
        self._repository = belongings.image.to_repository
        self._has_api: bool | None = None

    async def tags(self) -> dict[str, str | None]:
        """Where the wanted tags point to now; None for one that is not there."""
        found: dict[str, str | None] = {}

        async def ask(tag: str) -> None:
            found[tag] = await self._digest_at(tag)

        await self._reader.engine.each(list(self._belongings.wanted_tags()), ask)
        return found

    async def standing(self, tagged: Iterable[str | None]) -> Standing:
        """Which manifests are there; `tagged` are known to be."""
        there = {digest for digest in tagged if digest is not None}
        unknown = [digest for digest in self._belongings.manifests if digest not in there]

        async def ask(digest: str) -> None:
            if await self._digest_at(digest) == digest:
                there.add(digest)

        await self._reader.engine.each(unknown, ask)
        return Standing(frozenset(there), await self._unlisted(there))

    async def store(self, standing: Standing) -> int:
        """Put what is missing: children before indexes, referrers after their subjects, tags last, the image's own at
        the very end. Every manifest put is read back. Returns how many were put.

        Raises TagMoved where a tag points elsewhere since we looked, and nobody agreed to lose what it points to.
        """
        missing = [held for held in self._belongings.manifests.values() if held.digest not in standing.manifests]
        own_tag, digest = self._belongings.image.to_tag, self._belongings.digest
        alone = own_tag is not None and len(missing) > 0 and missing[-1].digest == digest
        by_digest = missing[:-1] if alone else missing
        for wave in _waves(by_digest):
            await self._reader.engine.each(_by_subject(wave), self._put_in_turn)
        await self._list_referrers(standing)
        for tag, wanted in self._belongings.wanted_tags().items():
            found = await self._digest_at(tag)  # it may have moved since we looked
            ruling = rule_tag(tag, found, wanted, self._rule, self._belongings.image.may_replace)
            if found is not None and ruling in ("refused", "kept"):
                raise TagMoved(TagConflict(tag, found, wanted, ruling))
            if ruling != "there":
                await self._put(self._belongings.manifests[wanted], tag)
        return len(missing)

    async def tag_is_written(self) -> bool | None:
        """Whether the image's own tag points to it; None where it has none, or the registry does not say."""
        own = self._belongings.image.to_tag
        try:
            return None if own is None else await self._digest_at(own) == self._belongings.digest
        except RegistryError:
            return None

    async def _put(self, held: Held, reference: str | None = None) -> None:
        try:
            await self._uploader.put_manifest(
                self._repository,
                reference or held.digest,
                held.manifest.body,
                held.media_type,
                digest=held.digest,
            )
        except RegistryError as error:
            left_out = [blob.digest for blob in held.blobs if blob.digest in self._belongings.foreign]
            refused = [digest for digest in left_out if not error.lacks or digest in error.lacks]
            if "MANIFEST_BLOB_UNKNOWN" not in error.codes or not refused:
                raise
            raise self._foreign_refused(held, refused, error) from error

    def _foreign_refused(self, held: Held, layers: list[str], error: RegistryError) -> RegistryError:
        hosts = sorted({host_in(url) for digest in layers for url in held.urls.get(digest, ())})
        return RegistryError(
            f"{self._reader.connection.label}: could not store manifest {held.digest} in {self._repository}: it does"
            f" not take foreign layers that lie at {', '.join(hosts)} ({', '.join(layers)}); allow this address there"
            " (docker-registry: `validation.manifests.urls.allow`), or have the layers copied too (`--foreign`,"
            " `foreign_layers: true`)",
            fault="forbidden",
            status=error.status,
            codes=error.codes,
            lacks=error.lacks,
        )

    async def _put_in_turn(self, of_one_subject: list[Held]) -> None:
        """Registries rewrite the list of a subject's referrers with each of them: several at once lose entries."""
        for held in of_one_subject:
            await self._put(held)

    async def _digest_at(self, reference: str) -> str | None:
        try:
            return (await self._reader.head_manifest(self._repository, reference))[0]
        except RegistryError as error:
            if error.fault != "missing":
                raise
            return None

    async def _unlisted(self, there: set[str]) -> dict[str, tuple[str, ...]]:
        """Referrers that the destination would not tell about, though they are there; all where none can be asked."""
        unlisted: dict[str, tuple[str, ...]] = {}
        for subject, referrers in self._belongings.referrers.items():
            present = [digest for digest in referrers if digest in there]
            listed = await self._listed(subject) if present else frozenset[str]()
            rest = tuple(digest for digest in referrers if digest not in listed)
            if rest:
                unlisted[subject] = rest
        return unlisted

    async def _listed(self, subject: str) -> frozenset[str]:
        by_api = await self._by_api(subject)
        if by_api is not None:
            return by_api
        listed = await self._list_at(fallback_tag(subject))
        return frozenset(str(entry.get("digest")) for entry in _entries(listed))

    async def _by_api(self, subject: str) -> frozenset[str] | None:
        if self._has_api is False:
            return None
        listed = await ReferrersReader(self._reader).by_api(self._repository, subject)
        self._has_api = listed is not None
        return None if listed is None else frozenset(referrer.digest for referrer in listed)

    async def _list_referrers(self, standing: Standing) -> None:
        """Make the destination tell what refers to what: by its API, else by the fallback tag, which is ours to keep
        (OCI distribution specification, "Pushing Manifests with Subject"). What is listed there already stays."""
        self._has_api = None  # before there was an image, a 404 said nothing about the API
        for subject, referrers in standing.unlisted.items():
            by_api = await self._by_api(subject)
            if by_api is None:
                await self._write_list(subject, referrers)
                continue
            unlisted = [digest for digest in referrers if digest not in by_api]
            if unlisted:  # stored once more, it may be listed: another copy may have written the list meanwhile
                await self._put_in_turn([self._belongings.manifests[digest] for digest in unlisted])
                by_api = await self._by_api(subject) or frozenset()
            if missing := [digest for digest in unlisted if digest not in by_api]:
                raise RegistryError(
                    f"{self._reader.connection.label}: stored {', '.join(missing)} in {self._repository}, but its"
                    f" referrers API does not list it under {subject}; look at the registry's log, and copy again",
                    fault="corrupt",
                )

    async def _write_list(self, subject: str, referrers: tuple[str, ...]) -> None:
        tag = fallback_tag(subject)
        there = await self._list_at(tag)
        entries = _entries(there)
        held = {str(entry.get("digest")) for entry in entries}
        new = [_descriptor(self._belongings.manifests[digest]) for digest in referrers if digest not in held]
        theirs = self._belongings.lists.get(subject)
        if not entries and theirs is not None and {str(e.get("digest")) for e in _entries(theirs)} == set(referrers):
            await self._uploader.put_manifest(self._repository, tag, theirs.body, theirs.media_type)
        elif new:
            document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [*entries, *new]}
            await self._uploader.put_manifest(self._repository, tag, json.dumps(document).encode(), OCI_INDEX)

    async def _list_at(self, tag: str) -> Manifest | None:
        try:
            return await self._reader.manifest(self._repository, tag)
        except RegistryError as error:
            if error.fault != "missing":
                raise
            return None


def _by_subject(wave: list[Held]) -> list[list[Held]]:
    """The manifests of a wave, those that name one subject together."""
    groups: dict[str, list[Held]] = {}
    for held in wave:
        groups.setdefault(held.subject or held.digest, []).append(held)
    return list(groups.values())


def _waves(manifests: list[Held]) -> list[list[Held]]:
    """What can be stored at the same time, one wave after the other."""
    depth: dict[str, int] = {}
    waves: list[list[Held]] = []
    for held in manifests:
        needed = (*held.children, *((held.subject,) if held.subject else ()))
        at = depth[held.digest] = 1 + max((depth.get(digest, -1) for digest in needed), default=-1)
        while len(waves) <= at:
            waves.append([])
        waves[at].append(held)
    return waves


def _entries(listed: Manifest | None) -> list[dict[str, Any]]:
    if listed is None:
        return []
    try:
        document = read_json(listed.body)
    except NotJson:
        return []
    return entries_of(document, "manifests") if isinstance(document, dict) else []


def _descriptor(held: Held) -> dict[str, Any]:
    """As a list of referrers shows a manifest."""
    shown: dict[str, Any] = {
        "mediaType": held.media_type,
        "digest": held.digest,
        "size": len(held.manifest.body),
    }
    if held.artifact_type:
        shown["artifactType"] = held.artifact_type
    if held.annotations:
        shown["annotations"] = held.annotations
    return shown
