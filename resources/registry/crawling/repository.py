"""One repository, read whole: its tags, the graph of manifests below them, configs, referrers."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from registry_core.catalog import HowFound, ImageSeen, ManifestFacts, RepositoryCrawled, TagSeen
from registry_core.digests import is_digest
from registry_core.errors import RegistryError
from registry_core.index_entries import may_be_manifests
from registry_core.manifests import read_config, read_manifest, with_config
from resources.registry.crawling.context import CrawlContext as CrawlContext
from resources.registry.crawling.faults import Faults, cut, unlisted_gap, with_fault
from resources.registry.crawling.memory import KnownManifest
from resources.registry.crawling.referrers_api import fallback_indexes
from resources.registry.crawling.vendor import how_found, with_vendor_facts
from resources.registry.listed_entries import is_listed_blob, unless_a_blob
from resources.registry.providers.interface import RepositoryDetails
from resources.registry.reading import Manifest, Reader

_DEEPEST = 8  # an index of indexes of …; nobody builds more than two
_LARGEST_CONFIG_BYTES = 8 * 1024 * 1024


class RepositoryCrawl:
    """The job for one repository. `read` never raises RegistryError: what failed is in what it returns."""

    def __init__(self, context: CrawlContext, repository: str, *, named: bool = False) -> None:
        self._context = context
        self._reader = Reader(context.connection, context.engine)
        self._engine = context.engine
        self._repository = repository
        self._named = named  # only the configuration says that it is there
        self._tags: dict[str, TagSeen] = {}
        self._images: dict[str, ImageSeen] = {}
        self._read_here: dict[str, ManifestFacts] = {}
        self._known: dict[str, KnownManifest] = {}
        self._new: list[str] = []  # read, its config not yet
        self._seen_before: set[str] = set()  # digests that this repository showed us in an earlier crawl
        self._remembered_tags: Mapping[str, str] = {}
        self._blobs: set[str] = set()  # listed by an index without a known type, and found to be no manifests
        self._faults = Faults(repository)
        self._fallback_indexes: set[str] = set()
        self._told: RepositoryDetails | None = None
        self.listed: list[str] | None = None  #: tags that the registry lists
        self.tags_read = 0

    async def read(self) -> RepositoryCrawled:
        """Read everything. What cannot be read is a row with its fault; `gap` tells that rows may be missing."""
        try:
            self.listed = await self._reader.tags(self._repository)
        except RegistryError as error:
            gap = unlisted_gap(self._repository, error, named=self._named)
            if gap is not None:
                return RepositoryCrawled(self._repository, gap=gap, requests=self._reader.requests)
        self._recall()
        asked = self._context.asked_tags.get(self._repository, ())
        await self._engine.each(dict.fromkeys([*(self.listed or ()), *asked]), self._read_tag)
        await self._complete_new()
        self._fallback_indexes = fallback_indexes(self._tags.values())
        await self._read_below(set(self._images))
        await self._read_what_workloads_use()
        await self._read_referrers()
        if self.listed is not None or self._images:
            await self._read_what_the_vendor_names()
        return RepositoryCrawled(
            self._repository,
            tags=tuple(self._tags.values()),
            images=tuple(self._images.values()),
            manifests=tuple(self._read_here.values()),
            gap=self._faults.gap or (self._told.gap if self._told is not None else None),
            requests=self._reader.requests,
        )

    async def _read_what_workloads_use(self) -> None:
        """Read the digests that are in use and that no tag leads to any more. One that is not there is no image."""
        used = self._context.in_use.get(self._repository, ())
        found_by: dict[str, HowFound] = dict.fromkeys((one for one in used if one not in self._images), "digest")
        self._seen_before.difference_update(found_by)  # a tag led there in an earlier crawl: it may be gone since
        await self._read_all(found_by)
        for digest in found_by:
            if self._images[digest].fault == "missing" and digest not in self._read_here:
                del self._images[digest]
        await self._read_below({digest for digest in found_by if digest in self._images})

    async def _ask_vendor(self) -> RepositoryDetails:
        if self._told is None:
            self._told = await self._context.vendor.details(self._repository)
        return self._told

    async def _read_what_the_vendor_names(self) -> None:
        """Take the vendor's times, and read what it names and no tag, index or referrers API led to."""
        told = await self._ask_vendor()
        if self._context.vendor.names_every_image:
            readable = [digest for digest, detail in told.images.items() if detail.readable]
            self._seen_before.update(readable)  # it is there: the vendor says so
            new: dict[str, HowFound] = dict.fromkeys((one for one in readable if one not in self._images), "digest")
            await self._read_all(new)
            await self._read_below(set(new))
            listed = {child for digest in self._images for child in self._listed_by(digest)}
            for digest in new:
                facts = self._read_here.get(digest) or self._known.get(digest)
                how = how_found(digest, listed, facts.subject if facts is not None else None)
                self._images[digest] = replace(self._images[digest], found_by=how)
        with_vendor_facts(self._images, told, self._context.vendor.title)

    def _recall(self) -> None:
        """Take from memory what this repository showed last time, with all that its indexes list."""
        self._remembered_tags = self._context.remembered.digests_of(self._repository)
        wanted = set(self._remembered_tags.values())
        while wanted:
            self._known.update(self._whole(wanted))
            self._seen_before |= wanted
            below = (self._listed_by(digest) for digest in wanted)
            wanted = {child for children in below for child in children} - self._seen_before

    def _whole(self, digests: set[str]) -> dict[str, KnownManifest]:
        """Of the digests those that need not be read again; one whose config was not read then is read again."""
        known = self._context.remembered.known(digests) if digests else {}
        return {digest: manifest for digest, manifest in known.items() if manifest.config_read}

    async def _read_tag(self, tag: str) -> None:
        try:
            digest = self._remembered_tags.get(tag)
            if digest is not None and digest in self._known:
                digest = await self._reader.resolve(self._repository, tag)
                if digest not in self._known and digest not in self._read_here:
                    digest = await self._keep(await self._reader.manifest(self._repository, digest), "tag")
            else:
                digest = await self._keep(await self._reader.manifest(self._repository, tag), "tag")
        except RegistryError as error:
            self._faults.note(error)
            self._tags[tag] = TagSeen(self._repository, tag, None, error.fault, cut(str(error)))
        else:
            self._tags[tag] = TagSeen(self._repository, tag, digest)
            self._see(digest, "tag")
        self.tags_read += 1

    async def _read_below(self, digests: set[str]) -> None:
        """Read what the given manifests list, level by level, so that memory is asked once a level."""
        for _ in range(_DEEPEST):
            found_by: dict[str, HowFound] = {}
            named_manifest: set[str] = set()
            for digest in digests:
                how = self._how_below(digest)
                for child, is_manifest in self._listed_by(digest).items():
                    if child not in self._images and child not in self._blobs:
                        found_by.setdefault(child, how)
                        if is_manifest:
                            named_manifest.add(child)
            if not found_by:
                return
            await self._read_all(found_by, unsure=found_by.keys() - named_manifest)
            digests = set(found_by)

    async def _read_all(self, found_by: Mapping[str, HowFound], *, unsure: Collection[str] = ()) -> None:
        """Read manifests; one of `unsure` may prove to be a blob, which is no image and gets no row."""
        unknown = {digest for digest in found_by if digest not in self._known and digest not in self._read_here}
        self._known.update(self._whole(unknown))

        async def read(digest: str) -> None:
            await self._read_digest(digest, found_by[digest], unsure=digest in unsure)

        await self._engine.each(found_by, read)
        await self._complete_new()

    async def _read_digest(self, digest: str, found_by: HowFound, *, unsure: bool) -> None:
        try:
            if digest in self._known:
                if digest not in self._seen_before:  # known from elsewhere: whether it is here is not
                    await self._reader.resolve(self._repository, digest)
            elif digest not in self._read_here:
                if not is_digest(digest):
                    raise RegistryError(f"{digest} is no digest that can be proven", fault="corrupt")
                if unsure and await is_listed_blob(self._reader, self._repository, digest):
                    self._blobs.add(digest)
                    return
                await self._keep(await self._reader.manifest(self._repository, digest), found_by)
        except RegistryError as error:
            if found_by == "child" and error.status == 500:
                error = await unless_a_blob(self._reader, self._repository, digest, error)
            self._faults.note(error)
            self._see(digest, found_by, error)
        else:
            self._see(digest, found_by)

    async def _read_referrers(self) -> None:
        """Ask for referrers of images that were not asked about lately; recall those of the others."""
        context = self._context
        asked_at = context.remembered.referrers_read_at(self._repository)
        recalled = context.remembered.referrers_of(self._repository) if asked_at else {}
        self._seen_before.update(digest for found in recalled.values() for digest in found)
        due_before = context.as_of - context.referrers_every
        todo = list(self._images)
        for _ in range(_DEEPEST):
            listed: dict[str, str] = {}  # referrer → the image that it is listed for

            async def ask(digest: str, listed: dict[str, str] = listed) -> None:
                for referrer in await self._ask_referrers(digest):
                    listed.setdefault(referrer, digest)

            due = []
            for digest in todo:
                at = asked_at.get(digest)
                if at is not None and at > due_before:
                    listed.update(dict.fromkeys(recalled.get(digest, ()), digest))
                elif context.referrers.supported is not False and self._can_have_referrers(digest):
                    due.append(digest)
            await self._engine.each(due, ask)
            new: dict[str, HowFound] = dict.fromkeys((one for one in listed if one not in self._images), "referrer")
            if not new:
                return
            await self._read_all(new)
            for referrer in new:
                self._drop_if_no_referrer(referrer, listed[referrer])
            todo = [referrer for referrer in new if referrer in self._images]
            await self._read_below(set(todo))

    def _can_have_referrers(self, digest: str) -> bool:
        return self._images[digest].fault is None and is_digest(digest)

    async def _ask_referrers(self, digest: str) -> tuple[str, ...]:
        try:
            answered, found = await self._context.referrers.ask(self._reader, self._repository, digest)
        except RegistryError as error:
            self._faults.note(error)
            return ()
        if answered:
            self._images[digest] = replace(self._images[digest], referrers_read_at=self._context.as_of)
        return found

    def _drop_if_no_referrer(self, digest: str, subject: str) -> None:
        """Some registries list anything: what we read must name the subject itself."""
        facts = self._read_here.get(digest) or self._known.get(digest)
        if facts is not None and facts.subject != subject:
            self._images.pop(digest, None)
            self._read_here.pop(digest, None)

    async def _keep(self, manifest: Manifest, found_by: HowFound) -> str:
        """Keep what a manifest says; a body that says nothing is an image with a fault."""
        digest = manifest.digest
        if digest in self._known or digest in self._read_here:
            return digest
        try:
            facts = read_manifest(manifest.body, digest=digest, content_type=manifest.media_type)
        except RegistryError as error:
            self._see(digest, found_by, error)
            return digest
        self._read_here[digest] = facts
        self._new.append(digest)
        return digest

    async def _complete_new(self) -> None:
        """Read the configs of what was read, unless it is known by its digest from another place."""
        new, self._new = self._new, []
        for digest, known in self._whole(set(new)).items():
            self._known[digest] = known
            self._read_here.pop(digest, None)
        await self._engine.each([digest for digest in new if digest in self._read_here], self._read_config)

    async def _read_config(self, digest: str) -> None:
        facts = self._read_here[digest]
        config_digest = facts.config_digest
        if facts.config_read or config_digest is None:
            return
        config = self._context.configs.get(config_digest)
        try:
            if config is None:
                body = await self._reader.small_blob(
                    self._repository, config_digest, "config", limit_bytes=_LARGEST_CONFIG_BYTES
                )
                config = read_config(body, digest=config_digest)
                self._context.configs.keep(config_digest, config)
        except RegistryError as error:
            self._faults.note(error)
            self._see(digest, "tag", error, of_config=True)
        else:
            self._read_here[digest] = with_config(facts, config)

    def _listed_by(self, digest: str) -> dict[str, bool]:
        """What an index lists that is a manifest, or may be one (False)."""
        facts = self._read_here.get(digest) or self._known.get(digest)
        return may_be_manifests(facts.children, facts.listed_as) if facts is not None else {}

    def _how_below(self, digest: str) -> HowFound:
        """What the index under a fallback tag lists are referrers, not parts of an image."""
        return "referrer" if digest in self._fallback_indexes else "child"

    def _see(
        self, digest: str, found_by: HowFound, error: RegistryError | None = None, *, of_config: bool = False
    ) -> None:
        """An image of this repository. A tag found first keeps the word; a fault is not forgotten."""
        seen = self._images.setdefault(digest, ImageSeen(self._repository, digest, found_by))
        if error is not None:
            self._images[digest] = with_fault(seen, error, of_config=of_config)
