"""The last look: what is true of a wave's repositories now, and what of the wave may therefore still go."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from registry_core.coverage import Gap
from registry_core.eviction import Plan
from registry_core.eviction_doubts import TagsNow, doubt_about
from registry_core.eviction_entries import Entry
from registry_core.eviction_shrink import Fresh, Shrunk, shrink
from registry_core.eviction_use import Image, use_now
from registry_core.plain_rows import plain_rows
from registry_core.retention_nodes import Nodes
from registry_core.usage import UsageFrames, join_usage
from registry_pipelines.eviction.fresh_evidence import FreshEvidence
from registry_pipelines.eviction.looked_frames import bonds_of, frames_now
from registry_pipelines.eviction.vendor_protection import VendorProtection
from resources.connections import Connections
from resources.registry.looking import Looked, Question, look_at

Known = Mapping[str, Mapping[str, tuple[str, ...]]]
"""By repository and tag: digests that the tag is known to have named, none where it named nothing then."""


@dataclass
class Done:
    """What this plan did so far: images that are gone, and single tags that were asked to go."""

    images: set[Image] = field(default_factory=set)
    tags: set[tuple[str, str]] = field(default_factory=set)


@dataclass(frozen=True)
class Seen:
    """What may still go of a wave by what was seen, and what must be known of it to keep it: all tags on each image,
    and what refers to it."""

    shrunk: Shrunk
    fresh: Fresh
    tags: Mapping[Image, tuple[str, ...]]
    referrers: Mapping[Image, tuple[str, ...]]
    named: Mapping[str, Mapping[str, str | None]]  #: by repository: what each listed tag names


@dataclass(frozen=True)
class LastLook:
    """Looks at waves of one plan; `done` is kept up to date by those who carry it out."""

    connections: Connections
    plan: Plan
    done: Done

    @cached_property
    def _protection(self) -> VendorProtection:
        return VendorProtection(self.connections, self.plan.subject)

    def at(self, entries: Sequence[Entry], evidence: FreshEvidence, *, as_of: datetime) -> Seen:
        """Look at the repositories of these entries, and decide which of them may still go."""
        elsewhere = {repository for entry in entries for repository, _ in entry.subjects_elsewhere}
        known = self._known({entry.repository for entry in entries} | elsewhere, evidence)
        questions = self._questions(entries, evidence, known)
        registry = self.plan.subject
        looked = list(
            look_at(
                self.connections.registry(registry),
                questions,
                remembered=self.connections.history.remembered(registry),
                as_of=as_of,
            )
        )
        lost = {one.crawled.repository: self._lost_names(one, questions[one.crawled.repository]) for one in looked}
        frames = frames_now(evidence.catalog, looked, questions, lost)
        nodes = Nodes.of(frames)
        bonds, referrers = bonds_of(nodes.graph, frames, entries, looked)
        protected, unread = self._protection.of(questions)
        joined = self._joined(nodes, looked, evidence)
        gone = frozenset((one.crawled.repository, digest) for one in looked for digest in one.gone)
        kept, kept_tags = evidence.kept_now(entries, gone - {entry.image for entry in self.plan.entries})
        fresh = Fresh(
            tags={
                one.crawled.repository: {tag.tag: tag.digest for tag in one.crawled.tags if tag.fault != "missing"}
                for one in looked
            },
            use=use_now(nodes, joined.usage),
            bonds=bonds,
            gone=gone,
            unread={**unread, **{one.crawled.repository: one.unread for one in looked if one.unread}},
            protected=protected,
            policies=evidence.policies,
            kept=kept,
            kept_tags=kept_tags,
            doubts={**dict(self._wanted(joined, known)), **dict(_doubts(looked, known))},
        )
        return Seen(shrink(entries, fresh), fresh, _tags_on(looked), referrers, _named(looked))

    def _known(self, repositories: Collection[str], evidence: FreshEvidence) -> Known:
        """What the plan and the newest catalog know of the tags of these repositories, without what this plan did."""
        found: dict[str, defaultdict[str, set[str]]] = {name: defaultdict(set) for name in repositories}
        tags = evidence.catalog.tags
        rows = tags[tags["repository"].isin(list(repositories))]
        for repository, tag, digest in plain_rows(rows, ["repository", "tag", "digest"]):
            found[repository][tag].update([digest] if digest else [])
        for entry in self.plan.entries:
            if entry.repository in found:
                for tag in entry.tags:
                    found[entry.repository][tag].add(entry.digest)
        return {
            repository: {
                tag: ()
                if (repository, tag) in self.done.tags
                else tuple(sorted(one for one in digests if (repository, one) not in self.done.images))
                for tag, digests in of.items()
            }
            for repository, of in found.items()
        }

    def _questions(self, entries: Sequence[Entry], evidence: FreshEvidence, known: Known) -> dict[str, Question]:
        asked: dict[str, set[str]] = {}
        for entry in entries:
            # An owner that is not among them went before: that it is gone has to be seen.
            asked.setdefault(entry.repository, set()).update((entry.digest, *entry.owners))
            for repository, subject in entry.subjects_elsewhere:
                asked.setdefault(repository, set()).add(subject)
        used = evidence.names_used(asked)
        return {
            repository: Question(
                images=images,
                tags={
                    **{tag: digests for tag, digests in known[repository].items() if digests},
                    **{tag: known[repository].get(tag, ()) for tag in used[repository].tags},
                },
                used=used[repository].digests,
            )
            for repository, images in asked.items()
        }

    def _lost_names(self, looked: Looked, question: Question) -> dict[str, tuple[str, ...]]:
        """Tags that name nothing now, and what they named: who asks for one of them uses that image (design §4)."""
        found = {}
        for tag, digest in looked.named.items():
            if digest is None and tag in question.tags:
                found[tag] = tuple(question.tags[tag]) or self._pointed_before(looked.crawled.repository, tag)
        return found

    def _pointed_before(self, repository: str, tag: str) -> tuple[str, ...]:
        """What a tag named when any catalog saw it last."""
        before = self.connections.history.last_pointing(self.plan.subject, repository, tag)
        return tuple(before["digest"].head(1).astype(str))

    def _joined(self, nodes: Nodes, looked: Iterable[Looked], evidence: FreshEvidence) -> UsageFrames:
        unread = {one.crawled.repository: Gap(one.crawled.repository, "unreachable", one.unread) for one in looked
                  if one.unread}  # fmt: skip
        return join_usage(
            evidence.inventory,
            nodes.catalog,
            names=self.connections.site.directory.names_of(self.plan.subject),
            environment_of=self.connections.site.environment_of,
            unread=unread,
        )

    def _wanted(self, joined: UsageFrames, known: Known) -> Iterator[tuple[str, str]]:
        """Repositories of which a workload has begun to want an image that nobody ever saw, since the plan was made.

        It may be one that is to go, under a name that the registry does not show yet.
        """
        planned_by = {name: snapshot.as_of for name, snapshot in self.plan.basis.inventories.items()}
        columns = ["repository", "tag", "digest", "fault", "cluster", "namespace", "owner_name", "first_seen_at"]
        new: dict[tuple[str, str], str] = {}
        old = set()
        for repository, tag, digest, fault, cluster, namespace, owner, since in plain_rows(joined.unresolved, columns):
            if fault != "missing" or repository not in known or (digest is None and tag in known[repository]):
                continue
            name = digest or f"the tag {tag}"
            if cluster in planned_by and (since is None or since <= planned_by[cluster]):
                old.add((repository, name))
            new.setdefault((repository, name), f"{cluster} {namespace}/{owner}")
        for (repository, name), user in new.items():
            if (repository, name) not in old:
                yield repository, f"{user} wants {name}, which the registry does not show and which may be among them"


def _doubts(looked: Iterable[Looked], known: Known) -> Iterator[tuple[str, str]]:
    for one in looked:
        repository = one.crawled.repository
        if doubt := doubt_about(TagsNow(one.listed, one.named, known[repository], one.there)):
            yield repository, doubt


def _named(looked: Iterable[Looked]) -> dict[str, dict[str, str | None]]:
    """What each listed tag of each repository names."""
    return {
        one.crawled.repository: {tag: digest for tag, digest in one.named.items() if tag in one.listed}
        for one in looked
    }


def _tags_on(looked: Iterable[Looked]) -> dict[Image, tuple[str, ...]]:
    found: dict[Image, list[str]] = {}
    for one in looked:
        for tag in one.crawled.tags:
            if tag.digest is not None:
                found.setdefault((one.crawled.repository, tag.digest), []).append(tag.tag)
    return {image: tuple(sorted(tags)) for image, tags in found.items()}
