"""Delete what of one wave may go: in order within a repository, several repositories at once, read back.

The vendor's own API is asked where the registry has one; what became of it is always read from the registry. What
comes in was looked at and kept before. Directly before a request only this is asked: is there time left, and does a tag
name the image that did not at the last look? What that concerns is handed back, for another look.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from registry_core.errors import Refused, RegistryError, RegistryPipelinesError
from registry_core.eviction_outcome import ALREADY_GONE, DELETED, EntryOutcome
from registry_pipelines.eviction.delete_requests import DeleteRequests, delete_requests, is_hopeless
from registry_pipelines.eviction.waves import Placed
from resources.database.ledger_records import EntryEnded
from resources.registry.connection import RegistryConnection
from resources.registry.deleter import REFUSALS, Answered, deletion_disabled
from resources.registry.tag_watch import Going, TagWatch
from resources.registry.transport.engine import Engine, Task, pause

WriteOutcomes = Callable[[Sequence[EntryEnded]], None]

#: Outcomes are written together: after this many, or this long.
_WRITTEN_AT_ONCE = 200
_WRITTEN_EVERY_SECONDS = 1.0

#: A registry whose parts agree late is asked again after these pauses.
_ASK_AGAIN_SECONDS = (0.2, 1.0, 3.0)

#: So many images answered with 405, and nothing ever deleted: the registry deletes nothing.
_DISABLED_AFTER = 3


#: Refusals of one image: a registry that deletes nothing does not look at it.
_JUDGED = REFUSALS - {400, 403, 405}


@dataclass
class DeletionSwitch:
    """Whether the registry deletes at all, by its answers so far: 405 may be about one image, or about all.

    `is_on`: it has deleted something, in this run or before, or has judged a deletion in another way.
    """

    label: str
    is_on: bool
    _refused: list[RegistryError] = field(default_factory=list, init=False)

    def answered(self) -> None:
        """Note that the registry took a deletion, or knows of no such image."""
        self.is_on = True

    def refused(self, error: RegistryError) -> None:
        """Note an answer that is none of these. Raises DeletionDisabled where 405 came once too often."""
        if error.status == 405:
            self._refused.append(error)
            if len(self._refused) >= _DISABLED_AFTER:
                self.check()
        elif error.status in _JUDGED:
            self.is_on = True

    def check(self) -> None:
        """Raises DeletionDisabled where 405 was answered, and nothing else that is about one image."""
        if self._refused and not self.is_on:
            raise deletion_disabled(self.label, self._refused[0])


@dataclass(frozen=True)
class Conditions:
    """What holds for a wave. `seen`: what each tag of each repository named at the last look. `time_is_up` and
    `too_old`: why the wave must end, and why nothing may be deleted by the evidence at hand; empty where it may."""

    seen: Mapping[str, Mapping[str, str | None]]
    switch: DeletionSwitch
    time_is_up: Callable[[], str]
    too_old: Callable[[], str]


def delete_wave(
    connection: RegistryConnection, wave: Sequence[Placed], write: WriteOutcomes, conditions: Conditions
) -> list[Placed]:
    """Delete these entries; `write` gets each outcome, a few at a time. Returns those that need another look first,
    for which nothing was requested.

    Raises what makes it useless to go on (DeletionDisabled; RegistryError for a sign-in that is refused, a registry
    that is away or throttles beyond patience; Refused where the registry is not what its settings say), after the
    outcomes that are known were written.
    """
    state = _State()
    by_repository: dict[str, list[Placed]] = {}
    for one in wave:
        by_repository.setdefault(one.entry.repository, []).append(one)
    with connection.engine() as engine, ExitStack() as opened:
        requests = delete_requests(connection, engine, opened)

        async def delete(entries: Sequence[Placed]) -> None:
            repository = entries[0].entry.repository
            watch = TagWatch(connection, engine, repository, conditions.seen.get(repository, {}))
            await _RepositoryDeletion(requests, engine, state, conditions, watch).run(entries)

        task = engine.spawn(engine.each(list(by_repository.values()), delete))
        written = time.monotonic()
        try:
            while not task.done:
                engine.step()
                if len(state.ended) >= _WRITTEN_AT_ONCE or time.monotonic() - written > _WRITTEN_EVERY_SECONDS:
                    _write(state, write)
                    written = time.monotonic()
            task.result()
        except RegistryPipelinesError:
            for one in wave:
                if one.position not in state.begun:
                    state.end(one, EntryOutcome("failed", "not asked for: the run stopped before"), was_asked=False)
            _write(state, write)
            raise
        finally:
            engine.cancel(task)
        _write(state, write)
    return state.handed_back


@dataclass
class _State:
    ended: list[EntryEnded] = field(default_factory=list)
    begun: set[int] = field(default_factory=set)
    handed_back: list[Placed] = field(default_factory=list)

    def end(self, one: Placed, outcome: EntryOutcome, *, was_asked: bool = True) -> None:
        self.begun.add(one.position)
        self.ended.append(EntryEnded(one.position, one.entry, outcome, was_asked))

    def hand_back(self, entries: Sequence[Placed], why: str) -> None:
        self.handed_back += entries
        for one in entries:
            self.end(one, EntryOutcome("failed", f"not asked for: {why}"), was_asked=False)


def _write(state: _State, write: WriteOutcomes) -> None:
    if state.ended:
        ended, state.ended = state.ended, []
        write(ended)


class _RepositoryDeletion:
    """The entries of one repository, one request after the other; each is read back while the next is under way."""

    def __init__(
        self, requests: DeleteRequests, engine: Engine, state: _State, conditions: Conditions, watch: TagWatch
    ) -> None:
        self._requests, self._engine, self._state = requests, engine, state
        self._conditions, self._watch = conditions, watch
        self._gone: dict[str, Task[bool]] = {}  # of images that were in the wave: whether each is confirmed gone
        self._stays: set[str] = set()
        self._gone_tags: set[str] = set()

    async def run(self, entries: Sequence[Placed]) -> None:
        for number, one in enumerate(entries):
            owner = await self._owner_that_stays(one)
            if owner:
                self._stays.add(one.entry.digest)
                waits = EntryOutcome("failed", f"it waits for {owner}, which is not confirmed gone")
                self._state.end(one, waits, was_asked=False)
                continue
            if why := await self._why_look_again(entries[number:]):
                self._state.hand_back(entries[number:], why)
                break
            if one.entry.kind == "untag":
                await self._untag(one)
            else:
                await self._delete(one)
        for confirming in self._gone.values():
            await confirming

    async def _owner_that_stays(self, one: Placed) -> str | None:
        """Children and referrers only after all that owns them; an owner that is not here was gone before."""
        for owner in one.entry.owners:
            if owner in self._stays or (owner in self._gone and not await self._gone[owner]):
                return owner
        return None

    async def _why_look_again(self, left: Sequence[Placed]) -> str:
        """Why nothing of `left` may be requested before another look; empty where the next one may."""
        if why := self._conditions.time_is_up():
            return why
        going = Going(
            digests={one.entry.digest for one in left if one.entry.kind == "delete"},
            tags={tag for one in left for tag in one.entry.tags},
            gone_digests=self._gone.keys(),
            gone_tags=self._gone_tags,
        )
        try:
            changed = await self._watch.change(going)
        except RegistryError as error:
            if is_hopeless(error):
                raise
            return f"the tags of the repository could not be read again: {error}"
        # Reading may have taken its time. The first of a wave goes all the same, so that there is progress.
        late = self._conditions.time_is_up if self._gone else self._conditions.too_old
        return changed or late()

    async def _delete(self, one: Placed) -> None:
        entry = one.entry
        self._state.begun.add(one.position)
        try:
            answered = await self._requests.delete_image(entry.repository, entry.digest)
        except RegistryError as error:
            await self._answered_no(one, error)
        else:
            self._conditions.switch.answered()
            self._gone[entry.digest] = self._engine.spawn(self._confirm(one, answered))

    async def _confirm(self, one: Placed, answered: Answered) -> bool:
        entry = one.entry
        said = "accepted the deletion" if answered == "accepted" else "says that the image is not there"
        try:
            for seconds in (*_ASK_AGAIN_SECONDS, None):
                if await self._requests.is_gone(entry.repository, entry.digest):
                    self._state.end(one, DELETED if answered == "accepted" else ALREADY_GONE)
                    return True
                if seconds is not None:
                    await pause(seconds)
        except RegistryError as error:
            self._state.end(one, _not_known(f"the registry {said}", error))
            return False
        self._state.end(one, EntryOutcome("failed", f"the registry {said} and still has the image"))
        return False

    async def _untag(self, one: Placed) -> None:
        entry = one.entry
        self._state.begun.add(one.position)
        answers = set()
        try:
            for tag in entry.tags:
                self._gone_tags.add(tag)
                answers.add(await self._remove_tag(entry.repository, tag))
                if not await self._requests.is_gone(entry.repository, tag):
                    raise RegistryError(f"the registry accepted the removal of {tag} and still has it", fault="corrupt")
            lost = await self._requests.is_gone(entry.repository, entry.digest)
        except RegistryError as error:
            self._refused(one, error)
            return
        if lost:
            why = f"the registry took the whole image with its tag {entry.tags[0]}"
            self._state.end(one, EntryOutcome("failed", why))
            raise Refused(
                f"{entry.repository}@{entry.digest}: {why}, so it cannot remove single tags: set `removes_single_tags:"
                " false`, and put the image back with `restore`"
            )
        self._conditions.switch.answered()
        self._state.end(one, ALREADY_GONE if answers == {"not there"} else DELETED)

    async def _remove_tag(self, repository: str, tag: str) -> Answered:
        """As `delete_tag`; where that fails, the tag itself is asked for before anything is said."""
        try:
            return await self._requests.delete_tag(repository, tag)
        except RegistryError as error:
            if not self._requests.may_be_done(error) or not await self._requests.is_gone(repository, tag):
                raise
            return "not there" if error.fault == "missing" else "accepted"

    async def _answered_no(self, one: Placed, error: RegistryError) -> None:
        """Ask for the image before anything is said: the answer may be to a request that was sent a second time."""
        entry = one.entry
        self._stays.add(entry.digest)
        if self._requests.may_be_done(error):
            try:
                gone = await self._requests.is_gone(entry.repository, entry.digest)
            except RegistryError as failed:
                self._state.end(one, _not_known(str(error), failed))
                return
            if gone:
                self._stays.discard(entry.digest)
                self._state.end(one, ALREADY_GONE if error.fault == "missing" else DELETED)
                return
        self._refused(one, error)

    def _refused(self, one: Placed, error: RegistryError) -> None:
        """End this entry; raise where the next one would fare no better."""
        if refused := self._requests.says_no(error):
            self._state.end(one, EntryOutcome("refused by registry", refused))
            self._conditions.switch.refused(error)
            return
        self._state.end(one, EntryOutcome("failed", str(error)))
        if is_hopeless(error):
            raise error


def _not_known(answered: str, error: RegistryError) -> EntryOutcome:
    return EntryOutcome("failed", f"{answered}; whether the image is gone could not be asked: {error}")
