"""How a replication stands: in step, behind by what, failing since when and why.

The values; `replication_judgement` makes them of catalogs, rule and journal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, get_args

from registry_core.copy_rule import CopyRule
from registry_core.deployed_versions import CatalogSeen
from registry_core.migration_entries import MigrationWord
from registry_core.migration_words import Chosen

Lag = Literal["unreadable", "conflict", "failing", "part only", "not there", "tag elsewhere", "unknown"]
"""Why an image is not in step, the gravest first.

unreadable     the source has lost it, or does not tell
conflict       a name or a tag of the destination is taken by something that replication did not write
failing        it was tried and could not be copied
part only      the destination has a part of it, say one platform of five
not there      it was not copied yet
tag elsewhere  the image is there, a tag of it points to another one
unknown        the destination could not be read
"""

LAGS: tuple[Lag, ...] = get_args(Lag)
_FAILING: tuple[Lag, ...] = ("unreadable", "conflict", "failing")

Standing = Literal["in force", "waiting", "rejected"]
"""Whether the rule was approved as it is now."""

State = Literal["not approved", "failing", "behind", "unknown", "in step"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicatedImage:
    """What the last try at one image came to. `since`: how long it has been coming to that."""

    repository: str
    digest: str
    to_repository: str
    tags: tuple[str, ...]
    word: MigrationWord
    why: str
    since: datetime
    at: datetime
    run_id: str = ""
    sent_bytes: int = 0
    #: Cosign's tags that went with it, and their digests; read back as tags of the journal.
    signature_tags: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)

    @property
    def tags_put(self) -> dict[str, str]:
        """Every tag of the destination that it stands for, and where that points."""
        return {**self.signature_tags, **dict.fromkeys(self.tags, self.digest)}

    @property
    def is_there(self) -> bool:
        return self.word in ("copied", "already there")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicatedTag:
    """Where a tag of the destination pointed when a run last wrote it, or found it as its source has it."""

    repository: str
    to_repository: str
    tag: str
    digest: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ReplicationJournal:
    """What the runs of a rule wrote down: of each image the last try, of each tag where it was put last. `begun`: where
    tags were to be put by a run that did not tell how that ended, so that they may point there."""

    images: Sequence[ReplicatedImage] = field(default=(), repr=False)
    tags: Sequence[ReplicatedTag] = field(default=(), repr=False)
    begun: Sequence[ReplicatedTag] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunsSoFar:
    """What the runs of a rule came to. `failing_since` is None while the last one ended well."""

    began_at: datetime
    ended_at: datetime | None
    ended_well_at: datetime | None
    failing_since: datetime | None
    why: str
    trigger: str
    copied: int = 0
    sent_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Behind:
    """One image that is not in step. `since`: when the source had it first; `failing_since`: when copying it began to
    fail."""

    repository: str
    to_repository: str | None
    digest: str | None
    tags: tuple[str, ...]
    lag: Lag
    why: str
    since: datetime | None
    failing_since: datetime | None = None

    @property
    def name(self) -> str:
        return f"{self.repository}:{self.tags[0]}" if self.tags else self.repository


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """A tag that was replicated once, was deleted at the source since, and is still at the destination. It waits for a
    decision: nothing deletes it by itself."""

    repository: str
    to_repository: str
    digest: str
    tag: str
    replicated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSeen:
    """What the rule takes now, and the catalog that it was chosen from."""

    chosen: Sequence[Chosen] = field(repr=False)
    seen: CatalogSeen


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicationStatus:
    """One rule. `unread` says what is lacking for more to be known; `events_waiting` were not acted upon yet."""

    rule: CopyRule
    fingerprint: str
    standing: Standing
    wanted: int
    behind: tuple[Behind, ...]
    gone: tuple[Gone, ...]
    runs: RunsSoFar | None
    unread: tuple[str, ...]
    as_of: datetime | None
    events_waiting: int = 0

    @property
    def state(self) -> State:
        """The one word."""
        if self.standing != "in force":
            return "not approved"
        if self.count(*_FAILING) or (self.runs is not None and self.runs.failing_since is not None):
            return "failing"
        if self.count("part only", "not there", "tag elsewhere"):
            return "behind"
        return "unknown" if self.unread or self.behind or self.events_waiting else "in step"

    @property
    def in_step(self) -> int:
        """Images that are at the destination as they are at the source."""
        return self.wanted - len(self.behind)

    @property
    def behind_since(self) -> datetime | None:
        """Since when the source has something that the destination has not."""
        times = [one.since for one in self.behind if one.lag != "unknown" and one.since is not None]
        return min(times, default=None)

    @property
    def failing_since(self) -> datetime | None:
        times = [one.failing_since for one in self.behind if one.failing_since is not None]
        if self.runs is not None and self.runs.failing_since is not None:
            times.append(self.runs.failing_since)
        return min(times, default=None)

    def count(self, *lags: Lag) -> int:
        return sum(one.lag in lags for one in self.behind)
