"""What is true of a registry and of the clusters that use it, and who names an image at the moment of its DELETE."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from tests.image_builder import BuiltImage

Image = tuple[str, str]
"""(repository, digest)"""

SECONDS_A_REQUEST = 0.05


@dataclass(frozen=True)
class Use:
    """A workload: the reference that it wrote, and the digest that its runtime reports."""

    repository: str
    reference: str  #: as written, with the host
    tag: str | None
    digest: str | None
    since: datetime | None = None  #: when it began; None: before the plan


@dataclass(frozen=True)
class Deletion:
    """One DELETE of an image that arrived. `names`: why it must not go, and since when, None for too long.

    `late`: another DELETE in its repository came before it since the time stood still for a while."""

    image: Image
    at: datetime
    names: tuple[tuple[str, datetime | None], ...]
    done: bool
    late: bool


@dataclass
class Truth:
    """The registry as it is. Time is counted in requests, each of which takes a tick, and in pauses."""

    began: datetime = field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0))
    manifests: dict[Image, BuiltImage] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    tags: dict[tuple[str, str], str] = field(default_factory=dict)
    uses: list[Use] = field(default_factory=list)
    tick: int = 0
    planned: dict[Image, frozenset[str]] = field(default_factory=dict)  #: entries of the plan, with their tags
    known: dict[tuple[str, str], str] = field(default_factory=dict)  #: what the tags named when the plan was made
    catalogued: frozenset[Image] = frozenset()  #: what the registry showed then
    kept_by_rules: dict[Image, str] = field(default_factory=dict)  #: by the policies of now, as the oracle says
    denied: set[str] = field(default_factory=set)  #: digests that the registry denied although they are there
    deletions: list[Deletion] = field(default_factory=list)
    requests: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))  #: of each repository
    listed_at: dict[str, int] = field(default_factory=dict)  #: tick of the last question for the tags of a repository
    pushed_again: set[Image] = field(default_factory=set)  #: after they were deleted: there, and rightly "deleted"
    _paused: timedelta = timedelta()
    _deleted_since_pause: defaultdict[str, set[Image]] = field(default_factory=lambda: defaultdict(set))
    _tagged_at: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)
    _pushed_at: dict[Image, datetime | None] = field(default_factory=dict)

    def now(self) -> datetime:
        return self.began + timedelta(seconds=self.tick * SECONDS_A_REQUEST) + self._paused

    def start_clock(self) -> None:
        self.began = datetime.now(UTC) - timedelta(seconds=self.tick * SECONDS_A_REQUEST)

    def pause(self, seconds: float) -> None:
        """The registry takes its time to answer."""
        self._paused += timedelta(seconds=seconds)
        self._deleted_since_pause.clear()

    # The registry

    def push(self, repository: str, image: BuiltImage, tag: str | None = None) -> None:
        for child in image.children:
            self.push(repository, child)
        self.blobs.update(image.blobs)
        if (repository, image.digest) not in self.manifests:
            self.manifests[repository, image.digest] = image
            if (repository, image.digest) in self._pushed_at:
                self.pushed_again.add((repository, image.digest))
            self._pushed_at[repository, image.digest] = self.now()
        if tag is not None:
            self.tag(repository, tag, image.digest)

    def tag(self, repository: str, tag: str, digest: str) -> None:
        self.tags[repository, tag] = digest
        self._tagged_at[repository, tag] = self.tick, self.requests[repository]

    def remove(self, image: Image) -> None:
        self.manifests.pop(image, None)
        for name in [name for name, digest in self.tags.items() if (name[0], digest) == image]:
            del self.tags[name]

    def tags_of(self, image: Image) -> list[str]:
        return [tag for (repository, tag), digest in self.tags.items() if (repository, digest) == image]

    def repositories(self) -> list[str]:
        return sorted({repository for repository, _ in self.manifests})

    def parents(self, image: Image) -> Iterator[Image]:
        for name, one in self.manifests.items():
            if name[0] == image[0] and any(child.digest == image[1] for child in one.children):
                yield name

    def referrers(self, image: Image) -> list[BuiltImage]:
        return [
            one
            for (repository, _), one in self.manifests.items()
            if repository == image[0] and (one.document.get("subject") or {}).get("digest") == image[1]
        ]

    # The judgement

    def witness(self, image: Image, *, done: bool) -> None:
        """Write down a DELETE as it arrives, before anything is done."""
        late = bool(self._deleted_since_pause.get(image[0], set()) - {image})  # one that is sent again is the same one
        self.deletions.append(Deletion(image, self.now(), tuple(self._names(image)), done, late))
        self._deleted_since_pause[image[0]].add(image)

    def _names(self, image: Image) -> Iterator[tuple[str, datetime | None]]:
        if image not in self.planned:
            yield "it is in no plan", None
        if why := self.kept_by_rules.get(image):
            yield f"the rules of now keep it: {why}", None
        yield from self._new_tags(image)
        shown = self.shown()
        for parent in self.parents(image):
            if parent in shown and parent[1] not in self.denied:
                yield f"the index {parent[1][:15]} lists it and is there", self._pushed_at[parent]
        for used, use in self._used():
            if image[0] == used[0] and image[1] in self._family(used):
                yield f"{use.reference} uses it", use.since

    def shown(self) -> set[Image]:
        """What a registry shows at all: tagged images, what they list, what is said to refer to them."""
        found: set[Image] = set()
        waiting = [(repository, digest) for (repository, _), digest in self.tags.items()]
        while waiting:
            image = waiting.pop()
            if image in self.manifests and image not in found:
                found.add(image)
                waiting += [(image[0], child.digest) for child in self.manifests[image].children]
                waiting += [(image[0], one.digest) for one in self.referrers(image)]
        return found

    def _new_tags(self, image: Image) -> Iterator[tuple[str, datetime | None]]:
        """Tags that the plan does not know on it, where the registry was asked for its tags since they are there."""
        for tag in self.tags_of(image):
            tick, requests = self._tagged_at[image[0], tag]
            if tag in self.planned.get(image, ()):
                continue
            asked_since = self.listed_at.get(image[0], -1) > tick
            one_look = 2 * sum(repository == image[0] for repository, _ in self.tags) + 6
            if asked_since or self.requests[image[0]] - requests > one_look:
                yield f"the tag {tag} names it", None

    def _used(self) -> Iterator[tuple[Image, Use]]:
        for use in self.uses:
            named = use.digest
            if named is None and use.tag is not None:
                name = use.repository, use.tag
                named = self.tags.get(name) or self.known.get(name)
            if named is not None and (use.repository, named) in self.manifests:
                yield (use.repository, named), use

    def _family(self, used: Image) -> set[str]:
        """An image that is used, what it lists, and the indexes that hold it, with all that those list."""
        found = {used[1]} | self._below(used)
        for parent in self.parents(used):
            found |= self._family(parent)
        return found

    def _below(self, image: Image) -> set[str]:
        found: set[str] = set()
        for child in self.manifests[image].children:
            there = image[0], child.digest
            if there in self.manifests:
                found |= {child.digest} | self._below(there)
        return found
