"""Which tags of the destination a replication may move: those that it wrote, and that still point to what it wrote.

A tag that moves at the source (`latest`) would else be in conflict with its own copy for ever. Whatever somebody else
put there stays, unless the rule says `overwrite`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from registry_core.copy_rule import CopyRule
from registry_core.migration_entries import MigrationEntry, MigrationOutcome
from registry_core.replication_status import ReplicatedImage, ReplicationJournal


@dataclass(frozen=True)
class Following:
    """What the earlier runs of a rule left behind. `ours`: where each tag of the destination pointed when a run last
    wrote it, or found it as its source has it; and where a run that was killed may have put it since."""

    rule: CopyRule
    ours: Mapping[tuple[str, str], frozenset[str]] = field(repr=False)
    tried: Mapping[tuple[str, str], ReplicatedImage] = field(repr=False)

    @classmethod
    def of(cls, rule: CopyRule, journal: ReplicationJournal) -> Following:
        put = {(one.to_repository, one.tag): one for one in journal.tags}
        ours = {name: frozenset({one.digest}) for name, one in put.items()}
        for one in journal.begun:
            name = (one.to_repository, one.tag)
            if name not in put or one.at > put[name].at:
                ours[name] = ours.get(name, frozenset()) | {one.digest}
        return cls(
            rule,
            ours,
            {(one.repository, one.digest): one for one in journal.images},
        )

    @property
    def look_by(self) -> CopyRule:
        """The rule by which both registries are compared: tags may be moved, and each is judged afterwards."""
        return replace(self.rule, on_conflict="overwrite")

    def allowed(self, entry: MigrationEntry) -> MigrationEntry:
        """The entry as the rule allows it: of tags that this replication did not write, `refuse` makes a conflict, and
        `keep` leaves them where they are while the rest is copied."""
        return self._leave_foreign(entry) if self.rule.on_conflict == "keep" else self.judge(entry)

    def judge(self, entry: MigrationEntry) -> MigrationEntry:
        """The entry, or a conflict where it would move a tag that is not ours to move, and the rule says `refuse`."""
        foreign = self._foreign(entry)
        return _conflict(entry, foreign) if foreign and self.rule.on_conflict == "refuse" else entry

    def _leave_foreign(self, entry: MigrationEntry) -> MigrationEntry:
        foreign = self._foreign(entry)
        left = tuple(tag for tag in entry.tags if tag not in foreign)
        if not foreign:
            return entry
        if not left or not foreign.keys() <= set(entry.tags):
            return _conflict(entry, foreign)
        kept = f"the destination keeps its own {', '.join(sorted(foreign))}"
        moved = {tag: there for tag, there in entry.overwrites.items() if tag not in foreign}
        return replace(entry, tags=left, overwrites=moved, why="; ".join(filter(None, (kept, entry.why))))

    def _foreign(self, entry: MigrationEntry) -> dict[str, str]:
        """Tags that the entry would move and that point to what no run of this rule wrote, and where they point."""
        written = {tag: self.ours.get((entry.to_repository, tag), ()) for tag in entry.overwrites}
        return {tag: there for tag, there in entry.overwrites.items() if entry.copies and there not in written[tag]}

    def knows(self, entry: MigrationEntry) -> bool:
        """Whether it is written down already that the image is there under these tags."""
        digest = entry.digest or ""
        last = self.tried.get((entry.repository, digest))
        if last is None or not last.is_there or (last.to_repository, last.tags) != (entry.to_repository, entry.tags):
            return False
        wanted = {**entry.signature_tags, **dict.fromkeys(entry.tags, digest)}
        return all(self.ours.get((entry.to_repository, tag)) == frozenset({one}) for tag, one in wanted.items())

    def noted(
        self, entry: MigrationEntry, tags: tuple[str, ...], outcome: MigrationOutcome, *, at: datetime, run_id: str
    ) -> ReplicatedImage:
        """The line of the journal; `since` goes on while the outcome is of the same sort."""
        digest = entry.digest or ""
        made = ReplicatedImage(
            repository=entry.repository,
            digest=digest,
            to_repository=entry.to_repository,
            tags=tags,
            word=outcome.word,
            why=outcome.why,
            since=at,
            at=at,
            run_id=run_id,
            sent_bytes=outcome.sent_bytes,
            signature_tags=entry.signature_tags,
        )
        last = self.tried.get((entry.repository, digest))
        same = last is not None and (last.is_there if made.is_there else last.word == made.word)
        return replace(made, since=last.since) if last is not None and same else made


def _conflict(entry: MigrationEntry, foreign: Mapping[str, str]) -> MigrationEntry:
    found = ", ".join(f"{tag} points to {there}" for tag, there in foreign.items())
    why = (
        f"at the destination {found}, which this replication did not write; remove or move the tag there, or write"
        " `on_conflict: overwrite`"
    )
    return replace(entry, word="conflict", why=why, overwrites={}, travel_bytes=0, mounts=0)
