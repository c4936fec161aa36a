"""Judge a replication: what is at the destination as it is at the source, what is not, and what cannot be told.

By the catalogs of both registries, the rule and what its runs wrote down; no registry is asked. What a run copied after
the destination was last crawled counts as there, because it was read back. "Could not read" makes it unknown, never in
step and never behind.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from registry_core.copies_held import Holding, held_at
from registry_core.copy_rule import CopyRule, target_names
from registry_core.deployed_versions import CatalogSeen
from registry_core.migration_words import Chosen
from registry_core.plain_rows import plain_rows
from registry_core.replication_following import Following
from registry_core.replication_status import (
    LAGS,
    Behind,
    Gone,
    Lag,
    ReplicatedImage,
    ReplicationJournal,
    ReplicationStatus,
    RunsSoFar,
    SourceSeen,
    Standing,
)


def judge_replication(
    rule: CopyRule,
    source: SourceSeen,
    destination: CatalogSeen,
    journal: ReplicationJournal,
    *,
    fingerprint: str,
    standing: Standing,
    runs: RunsSoFar | None,
    events_waiting: int = 0,
    unread: Sequence[str] = (),
) -> ReplicationStatus:
    """The status of a rule. `journal` also holds what the rule takes no more; `unread` says what else is lacking."""
    place = _Destination.of(rule, destination, source.chosen, journal)
    times = [seen.as_of for seen in (source.seen, destination) if seen.as_of is not None]
    lost = () if unread else _nothing_left(source, journal)  # evidence that is not fit chooses nothing either
    return ReplicationStatus(
        rule=rule,
        fingerprint=fingerprint,
        standing=standing,
        wanted=len(source.chosen),
        behind=_all_behind(rule, source, place, journal),
        gone=tuple(_gone(source, place, journal)),
        runs=runs,
        unread=(*unread, *_unread(source.seen), *_unread(destination), *lost),
        as_of=min(times, default=None),
        events_waiting=events_waiting,
    )


def behind_of(
    rule: CopyRule, source: SourceSeen, destination: CatalogSeen, journal: ReplicationJournal
) -> tuple[Behind, ...]:
    """What is not known to be in step, the gravest first."""
    return _all_behind(rule, source, _Destination.of(rule, destination, source.chosen, journal), journal)


def _all_behind(
    rule: CopyRule, source: SourceSeen, place: _Destination, journal: ReplicationJournal
) -> tuple[Behind, ...]:
    names, faults = target_names(rule, {one.repository for one in source.chosen if one.can_be_asked})
    tried = {(one.repository, one.digest): one for one in journal.images}
    since = _first_seen(source.seen)
    found = (_behind(one, names, faults, place, tried, since, source.seen) for one in source.chosen)
    behind = [one for one in found if one is not None]
    return tuple(sorted(behind, key=lambda one: (LAGS.index(one.lag), one.repository, one.tags)))


@dataclass(frozen=True)
class _Destination:
    seen: CatalogSeen
    held: Mapping[tuple[str, str], Holding]
    tags: Mapping[tuple[str, str], str | None]
    ours: Mapping[tuple[str, str], frozenset[str]] | None  #: where a rule that leaves the tags of others put its own

    @classmethod
    def of(
        cls, rule: CopyRule, seen: CatalogSeen, chosen: Sequence[Chosen], journal: ReplicationJournal
    ) -> _Destination:
        digests = {one.digest for one in chosen if one.digest} | {one.digest for one in journal.images}
        held = held_at(digests, seen)
        tags: dict[tuple[str, str], str | None] = {}
        if seen.frames is not None:
            rows = plain_rows(seen.frames.tags, ("repository", "tag", "digest"))
            tags = {(repository, tag): digest for repository, tag, digest in rows}
        for one in journal.images:
            if one.is_there and (seen.as_of is None or one.at > seen.as_of):
                held[one.to_repository, one.digest] = "whole"
        for put in journal.tags:
            if seen.as_of is None or put.at > seen.as_of:
                tags[put.to_repository, put.tag] = put.digest
        return cls(seen, held, tags, Following.of(rule, journal).ours if rule.on_conflict == "keep" else None)

    def astray(self, tags: Sequence[str], repository: str, digest: str) -> list[str]:
        """Tags that do not point to the image and should."""
        there = {tag: self.tags.get((repository, tag)) for tag in tags}
        return [tag for tag, found in there.items() if found != digest and not self._is_kept(repository, tag, found)]

    def _is_kept(self, repository: str, tag: str, found: str | None) -> bool:
        """Whether the tag is of others, and the rule leaves such tags where they are."""
        return self.ours is not None and found is not None and found not in self.ours.get((repository, tag), ())

    def is_older_than(self, tried: ReplicatedImage | None) -> bool:
        """Whether the destination was last crawled before this try, so that the try says more."""
        return tried is not None and (self.seen.as_of is None or tried.at > self.seen.as_of)

    def why_unknown(self, repository: str) -> str | None:
        """Why absence from this repository says nothing; None where it says that it is not there."""
        name = self.seen.registry
        if self.seen.frames is None:
            return f"{name} was never crawled"
        gap = self.seen.unread.get(repository) or self.seen.unread.get("*")
        if gap is not None:
            return f"{name} could not be read: {gap.fault}, {gap.detail}"
        include, exclude = self.seen.include, self.seen.exclude
        if (include is not None and not include.matches(repository)) or (
            exclude is not None and exclude.matches(repository)
        ):
            return f"{name} leaves {repository} out of its catalog, by `include` and `exclude`"
        return None


def _behind(
    one: Chosen,
    names: Mapping[str, str],
    faults: Mapping[str, str],
    place: _Destination,
    tried: Mapping[tuple[str, str], ReplicatedImage],
    since: Mapping[tuple[str, str], datetime],
    source: CatalogSeen,
) -> Behind | None:
    """What is amiss with one image; None where it is in step."""
    to_repository = names.get(one.repository)
    last = tried.get((one.repository, one.digest or ""))
    lag, why = _lag(one, to_repository, faults, place)
    failed = last is not None and not last.is_there
    if one.damage is not None and not failed and not _is_read_since(source, last):
        lag, why = "unreadable", f"{one.damage}: the catalog of {source.registry} could not read all of it"
    if lag is None and not (failed and (place.is_older_than(last) or one.damage is not None)):
        return None
    failing = None
    if last is not None and failed and lag != "unreadable":
        lag, why, failing = ("conflict" if last.word == "conflict" else "failing"), last.why, last.since
    assert lag is not None
    return Behind(
        repository=one.repository,
        to_repository=to_repository,
        digest=one.digest,
        tags=one.tags,
        lag=lag,
        why=why,
        since=since.get((one.repository, one.digest or "")),
        failing_since=failing,
    )


def _is_read_since(source: CatalogSeen, last: ReplicatedImage | None) -> bool:
    """Whether a run read the image whole after the catalog could not."""
    return last is not None and last.is_there and source.as_of is not None and last.at > source.as_of


def _lag(
    one: Chosen, to_repository: str | None, faults: Mapping[str, str], place: _Destination
) -> tuple[Lag | None, str]:
    if one.fault is not None:
        return "unreadable", f"{one.fault}: {one.why}" if one.why else one.fault
    if to_repository is None:
        return "conflict", faults.get(one.repository, "it can have no name at the destination")
    if one.digest is None:
        return "unreadable", "the catalog does not know what its tag points to"
    holding = place.held.get((to_repository, one.digest))
    unknown = place.why_unknown(to_repository)
    if holding == "whole":
        astray = place.astray(one.tags, to_repository, one.digest)
        if not astray:
            return None, ""
        return ("unknown", unknown) if unknown else ("tag elsewhere", f"{', '.join(astray)} points elsewhere there")
    if holding == "unread":
        return "unknown", f"{place.seen.registry} lists it, and it could not be read whole"
    if unknown:
        return "unknown", unknown
    if holding == "part":
        return "part only", "some of its platforms are not there"
    return "not there", "not copied yet"


def _gone(source: SourceSeen, place: _Destination, journal: ReplicationJournal) -> Iterator[Gone]:
    """Tags that the source no longer has, where it was asked, and the destination still has as they were written.

    Only a repository that the newest crawl read whole tells what is gone of it. One that `exclude` leaves out, that an
    unlisting registry was not asked about, or that left a gap, tells nothing; neither does a source that has nothing
    left of what the rule takes: a registry that was lost and built anew looks the same. An image without a tag is in no
    list of most registries, so its absence says nothing at all.
    """
    seen = source.seen
    if seen.frames is None or seen.as_of is None or not source.chosen:
        return
    tags = set(plain_rows(seen.frames.tags, ("repository", "tag")))
    for put in sorted(journal.tags, key=lambda put: (put.repository, put.tag)):
        gone = put.repository in seen.answered and (put.repository, put.tag) not in tags
        if gone and put.at <= seen.as_of and place.tags.get((put.to_repository, put.tag)) == put.digest:
            yield Gone(
                repository=put.repository,
                to_repository=put.to_repository,
                digest=put.digest,
                tag=put.tag,
                replicated_at=put.at,
            )


def _nothing_left(source: SourceSeen, journal: ReplicationJournal) -> Iterator[str]:
    count = sum(one.is_there for one in journal.images)
    if count and not source.chosen:
        yield (
            f"{source.seen.registry} has nothing that the rule takes, though {count:,} images of it were replicated: a"
            " registry that was lost looks the same, so nothing counts as deleted there"
        )


def _first_seen(source: CatalogSeen) -> dict[tuple[str, str], datetime]:
    if source.frames is None:
        return {}
    rows = plain_rows(source.frames.images, ("repository", "digest", "pushed_at", "first_seen_at"))
    return {
        (repository, digest): at.to_pydatetime()
        for repository, digest, pushed, first in rows
        if (at := pushed or first)
    }


def _unread(seen: CatalogSeen) -> Iterator[str]:
    if seen.frames is None:
        yield f"{seen.registry} was never crawled"
    elif seen.unread:
        more = f" (and {len(seen.unread) - 1:,} more)" if len(seen.unread) > 1 else ""
        yield f"{seen.registry} could not be read whole: {next(iter(seen.unread.values()))}{more}"
