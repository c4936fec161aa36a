"""What the history remembers of a registry, so that the next crawl reads only what is new."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from registry_core.media_types import ListedKind
from resources.database.connection import Database
from resources.database.manifests import in_lists
from resources.database.schema import manifest_children, manifests, places
from resources.database.sightings import IMAGES, TAGS, SightingTable
from resources.database.times import from_micros


@dataclass(frozen=True, slots=True)
class KnownManifest:
    """What a crawl needs to know of a manifest that was read before, so as not to read it again."""

    digest: str
    media_type: str
    config_digest: str | None
    config_read: bool  #: False: the config could not be read then and is asked for again
    subject: str | None
    children: tuple[str, ...] = ()
    listed_as: tuple[ListedKind, ...] = ()


class RememberedRegistry:
    """Questions of a crawl to the history of one registry. Each is one short transaction.

    Any thread may ask.
    """

    def __init__(self, database: Database, registry: str) -> None:
        self._database = database
        self._registry = registry

    def __repr__(self) -> str:
        return f"RememberedRegistry({self._registry})"

    def digests_of(self, repository: str) -> Mapping[str, str]:
        """Tags of a repository and where they pointed when it was last read."""
        tags = TAGS.sightings.c
        query = sa.select(tags.tag, tags.digest).where(*self._open_rows(TAGS, repository), tags.digest.is_not(None))
        with self._reading() as connection:
            return {row.tag: row.digest for row in connection.execute(query)}

    def known(self, digests: Iterable[str]) -> Mapping[str, KnownManifest]:
        """Those of the digests whose manifest is kept, whichever registry showed it."""
        table, found, wanted = manifests.c, {}, sorted(set(digests))
        with self._reading() as connection:
            for some in in_lists(wanted):
                children: dict[str, dict[str, ListedKind]] = {}
                listed = manifest_children.c
                rows = sa.select(listed.digest, listed.child, listed.kind).where(listed.digest.in_(some))
                for digest, child, kind in connection.execute(rows.order_by(listed.digest, listed.position)):
                    children.setdefault(digest, {})[child] = kind
                facts = sa.select(
                    table.digest, table.media_type, table.config_digest, table.config_read, table.subject
                ).where(table.digest.in_(some))
                for row in connection.execute(facts):
                    below = children.get(row.digest, {})
                    found[row.digest] = KnownManifest(*row, children=tuple(below), listed_as=tuple(below.values()))
        return found

    def referrers_read_at(self, repository: str) -> Mapping[str, datetime]:
        """Images of a repository and when the referrers API was last asked about them."""
        images = IMAGES.sightings.c
        query = sa.select(images.digest, images.referrers_read_at).where(
            *self._open_rows(IMAGES, repository), images.referrers_read_at.is_not(None)
        )
        with self._reading() as connection:
            return {digest: from_micros(at) for digest, at in connection.execute(query)}

    def referrers_of(self, repository: str) -> Mapping[str, frozenset[str]]:
        """Images of a repository and the referrers that were found for them when it was last read."""
        images, found = IMAGES.sightings.c, dict[str, set[str]]()
        query = (
            sa.select(manifests.c.subject, images.digest)
            .join(manifests, manifests.c.digest == images.digest)
            .where(*self._open_rows(IMAGES, repository), manifests.c.subject.is_not(None))
        )
        with self._reading() as connection:
            for subject, referrer in connection.execute(query):
                found.setdefault(subject, set()).add(referrer)
        return {subject: frozenset(referrers) for subject, referrers in found.items()}

    def _reading(self) -> AbstractContextManager[sa.Connection]:
        return self._database.reading(f"remember the catalog of {self._registry}")

    def _open_rows(self, table: SightingTable, repository: str) -> tuple[sa.ColumnElement[bool], ...]:
        place = sa.select(places.c.id).where(
            places.c.kind == table.kind, places.c.source == self._registry, places.c.name == repository
        )
        return table.sightings.c.place_id == place.scalar_subquery(), table.sightings.c.gone_at.is_(None)
