"""Watch the tags of one repository while images of it are deleted: does anything name them that did not before?

A registry has no "delete unless it is named", so the tags are read again directly before a request. Traps: a tag that
was there already may be moved onto an image that is to go, so a list of names is not enough; and a list that came back
shorter says nothing about what it leaves out. Asking for every tag before every request would cost a registry ten times
the deletion itself, so in large repositories only the list is read each time, and every tag once a second.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from registry_core.digests import fallback_tag, subject_of_tag
from registry_core.errors import RegistryError
from registry_core.manifests import read_manifest
from resources.registry.connection import RegistryConnection
from resources.registry.reading import Reader
from resources.registry.transport.engine import Engine

#: With so few tags each is asked for before every deletion.
_FEW_TAGS = 10

#: With more they are asked for this often, and no more than a quarter of the time goes into it.
_EVERY_SECONDS = 1.0
_TIMES_AS_LONG = 3
_DEEPEST = 8


@dataclass(frozen=True)
class Going:
    """What is still to be deleted in a repository, and what of it was asked for so far."""

    digests: Collection[str] = ()
    tags: Collection[str] = ()  #: of those images, or to be removed alone
    gone_digests: Collection[str] = ()
    gone_tags: Collection[str] = ()


@dataclass
class TagWatch:
    """`seen` is what each tag of the repository named at the last look, None for one that named nothing."""

    connection: RegistryConnection
    engine: Engine
    repository: str
    seen: Mapping[str, str | None]
    _read_at: float | None = field(default=None, init=False)
    _took: float = field(default=0.0, init=False)

    async def change(self, going: Going) -> str:
        """What has changed since the last look that may concern what is going, in words; empty where nothing has.

        Raises RegistryError where the registry cannot be asked.
        """
        began = time.monotonic()
        pause = max(_EVERY_SECONDS, _TIMES_AS_LONG * self._took)
        if self._read_at is None or len(self.seen) <= _FEW_TAGS or began - self._read_at > pause:
            now = await self._read({})
            self._read_at = time.monotonic()
            self._took = self._read_at - began
        else:
            now = await self._read(self.seen)
        if why := self._lost(now, going):
            return why
        news = {tag: digest for tag, digest in now.items() if self.seen.get(tag, "") != digest}
        for tag, digest in sorted(news.items()):
            if digest is None:
                return f"the registry lists the tag {tag} and answers 404 for it"
            if why := await self._why_it_matters(tag, digest, going):
                return why
        self.seen = now
        return ""

    async def _read(self, known: Mapping[str, str | None]) -> dict[str, str | None]:
        """What each listed tag names; of those that are `known` without asking."""
        reader = Reader(self.connection, self.engine)
        found: dict[str, str | None] = {}

        async def read(tag: str) -> None:
            found[tag] = await reader.find(self.repository, tag)

        try:
            names = await reader.tags(self.repository)
        except RegistryError as error:
            if error.fault != "missing":
                raise
            names = []  # as a registry answers once the last tag is gone
        found.update({tag: known[tag] for tag in names if tag in known})
        await self.engine.each([tag for tag in names if tag not in known], read)
        # Of an image that was deleted a tag may be left over.
        return {
            tag: digest
            for tag, digest in found.items()
            if digest is not None or tag not in self.seen or self.seen[tag] is None
        }

    def _lost(self, now: Mapping[str, str | None], going: Going) -> str:
        for tag, digest in sorted(self.seen.items()):
            if tag in now or digest is None or tag in going.gone_tags or digest in going.gone_digests:
                continue
            return f"the registry no longer shows the tag {tag}"
        return ""

    async def _why_it_matters(self, tag: str, digest: str, going: Going) -> str:
        """Why a tag that is new, or names another image than before, may be a reason to keep what is going."""
        if tag in going.tags:
            return f"the tag {tag} names {digest} now"
        if digest in going.digests:
            return f"the tag {tag} names {digest} now, which was to go"
        subject = subject_of_tag(tag)
        if (subject is not None and subject.digest in going.digests) or tag in map(fallback_tag, going.digests):
            return f"the tag {tag} is new and refers to an image that was to go"
        if digest not in self.seen.values() and await self._holds(digest, going):
            return f"the tag {tag} names {digest} now, which may hold or refer to an image that was to go"
        return ""

    async def _holds(self, digest: str, going: Going) -> bool:
        """Whether a manifest that was not there before lists or refers to what is going; True where it is not known."""
        reader = Reader(self.connection, self.engine)
        todo, read = [digest], set[str]()
        for _ in range(_DEEPEST):
            below: list[str] = []
            for one in todo:
                try:
                    manifest = await reader.manifest(self.repository, one)
                    facts = read_manifest(manifest.body, digest=one, content_type=manifest.media_type)
                except RegistryError:
                    return True
                if facts.subject in going.digests or not set(facts.children).isdisjoint(going.digests):
                    return True
                read.add(one)
                below += [child for child in facts.children if child not in read]
            if not below:
                return False
            todo = below
        return True
