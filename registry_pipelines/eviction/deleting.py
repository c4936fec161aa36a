"""Delete what of one wave may go: in order within a repository, several repositories at once, read back.

The vendor's own API is asked where the registry has one; what became of it is always read from the
registry. Nothing here decides: what comes in was looked at and kept before.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field

from registry_core.errors import DeletionDisabled, Refused, RegistryError, RegistryPipelinesError
from registry_core.eviction_outcome import ALREADY_GONE, DELETED, EntryOutcome
from registry_pipelines.eviction.waves import Placed
from resources.database.ledger_records import EntryEnded
from resources.registry.connection import RegistryConnection
from resources.registry.deleter import REFUSALS, Answered, Deleter
from resources.registry.providers.chosen_deletion import deletion_of
from resources.registry.providers.vendor_deletion import VendorDeletion
from resources.registry.transport.engine import Engine, Task, pause

WriteOutcomes = Callable[[Sequence[EntryEnded]], None]

#: Outcomes are written together: after this many, or this long.
_WRITTEN_AT_ONCE = 200
_WRITTEN_EVERY_SECONDS = 1.0

#: A registry whose parts agree late is asked again after these pauses.
_ASK_AGAIN_SECONDS = (0.2, 1.0, 3.0)

_THREAD_SEEN_EVERY_SECONDS = 0.01


def delete_wave(connection: RegistryConnection, wave: Sequence[Placed], write: WriteOutcomes) -> None:
    """Delete these entries; `write` gets each outcome, a few at a time.

    Raises what makes it useless to go on (DeletionDisabled; RegistryError for a sign-in that is refused, a registry
    that is away or throttles beyond patience; Refused where the registry is not what its settings say), after the
    outcomes that are known were written. An entry that was requested and not answered gets none.
    """
    state = _State()
    by_repository: dict[str, list[Placed]] = {}
    for one in wave:
        by_repository.setdefault(one.entry.repository, []).append(one)
    with connection.engine() as engine, ExitStack() as opened:
        hands = _hands(connection, engine, opened)

        async def delete(entries: Sequence[Placed]) -> None:
            await _RepositoryDeletion(hands, engine, state).run(entries)

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
            stopped = EntryOutcome("failed", "not asked for: the run stopped before")
            state.ended += [
                EntryEnded(one.position, one.entry, stopped, was_asked=False)
                for one in wave
                if one.position not in state.begun
            ]
            _write(state, write)
            raise
        finally:
            engine.cancel(task)
        _write(state, write)


@dataclass
class _State:
    ended: list[EntryEnded] = field(default_factory=list)
    begun: set[int] = field(default_factory=set)

    def end(self, one: Placed, outcome: EntryOutcome, *, was_asked: bool = True) -> None:
        self.begun.add(one.position)
        self.ended.append(EntryEnded(one.position, one.entry, outcome, was_asked))


def _write(state: _State, write: WriteOutcomes) -> None:
    if state.ended:
        ended, state.ended = state.ended, []
        write(ended)


class _Hands:
    """The registry's own DELETE; `is_gone` is asked from the registry whoever deletes."""

    def __init__(self, deleter: Deleter) -> None:
        self.deleter = deleter

    async def delete_image(self, repository: str, digest: str) -> Answered:
        return await self.deleter.delete_image(repository, digest)

    async def delete_tag(self, repository: str, tag: str) -> Answered:
        return await self.deleter.delete_tag(repository, tag)

    def says_no(self, error: RegistryError) -> str:
        """In which words this one image is refused; empty where the error is something else."""
        if error.status in REFUSALS and not isinstance(error, DeletionDisabled):
            return ", ".join(error.codes) or str(error.status)
        return ""

    def may_be_done(self, error: RegistryError) -> bool:
        """Whether the registry can still tell what became of a request that failed so."""
        return not _is_hopeless(error)


class _VendorHands(_Hands):
    """The vendor's API. It blocks, so threads wait for it: one for each repository that is under way."""

    def __init__(self, deleter: Deleter, vendor: VendorDeletion, threads: ThreadPoolExecutor) -> None:
        super().__init__(deleter)
        self._vendor, self._threads = vendor, threads

    async def delete_image(self, repository: str, digest: str) -> Answered:
        answered = await self._ask(self._vendor.delete_image, repository, digest)
        if not self._vendor.only_tags or await self.deleter.is_gone(repository, digest):
            return answered
        rest = await self.deleter.delete_image(repository, digest)
        return "accepted" if "accepted" in (answered, rest) else "not there"

    async def delete_tag(self, repository: str, tag: str) -> Answered:
        return await self._ask(self._vendor.remove_tag, repository, tag)

    def says_no(self, error: RegistryError) -> str:
        """The code, and what the vendor says: one code stands for many of its rules."""
        refused = super().says_no(error)
        if not refused and error.status == 200 and error.fault == "forbidden":  # ECR tells failures in a 200
            refused = ", ".join(error.codes)
        return f"{refused}: {error}" if refused else ""

    def may_be_done(self, error: RegistryError) -> bool:
        """The vendor's API may be away while the registry answers."""
        return error.fault == "unreachable" or super().may_be_done(error)

    async def _ask(self, verb: Callable[[str, str], Answered], repository: str, reference: str) -> Answered:
        asked = self._threads.submit(verb, repository, reference)
        while not asked.done():
            await pause(_THREAD_SEEN_EVERY_SECONDS)
        return asked.result()


def _hands(connection: RegistryConnection, engine: Engine, opened: ExitStack) -> _Hands:
    deleter = Deleter(connection, engine)
    vendor = deletion_of(connection, connection.credentials)
    if vendor is None:
        return _Hands(deleter)
    opened.callback(vendor.close)
    # Leaving waits for what is under way: nothing is deleted after the plan was let go.
    threads = opened.enter_context(ThreadPoolExecutor(connection.settings.connections, "vendor-deletion"))
    opened.callback(threads.shutdown, wait=False, cancel_futures=True)
    return _VendorHands(deleter, vendor, threads)


class _RepositoryDeletion:
    """The entries of one repository, one request after the other; each is read back while the next is under way."""

    def __init__(self, hands: _Hands, engine: Engine, state: _State) -> None:
        self._hands, self._engine, self._state = hands, engine, state
        self._gone: dict[str, Task[bool]] = {}  # of images that were in the wave: whether each is confirmed gone
        self._stays: set[str] = set()

    async def run(self, entries: Sequence[Placed]) -> None:
        for one in entries:
            owner = await self._owner_that_stays(one)
            if owner:
                self._stays.add(one.entry.digest)
                waits = EntryOutcome("failed", f"it waits for {owner}, which is not confirmed gone")
                self._state.end(one, waits, was_asked=False)
            elif one.entry.kind == "untag":
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

    async def _delete(self, one: Placed) -> None:
        entry = one.entry
        self._state.begun.add(one.position)
        try:
            answered = await self._hands.delete_image(entry.repository, entry.digest)
        except RegistryError as error:
            await self._told_no(one, error)
        else:
            self._gone[entry.digest] = self._engine.spawn(self._confirm(one, answered))

    async def _confirm(self, one: Placed, answered: Answered) -> bool:
        entry = one.entry
        try:
            for seconds in (*_ASK_AGAIN_SECONDS, None):
                if await self._hands.deleter.is_gone(entry.repository, entry.digest):
                    self._state.end(one, DELETED if answered == "accepted" else ALREADY_GONE)
                    return True
                if seconds is not None:
                    await pause(seconds)
        except RegistryError:
            return False  # accepted, and nobody knows whether it was done: no outcome
        told = "accepted the deletion" if answered == "accepted" else "says that the image is not there"
        self._state.end(one, EntryOutcome("failed", f"the registry {told} and still has the image"))
        return False

    async def _untag(self, one: Placed) -> None:
        entry = one.entry
        self._state.begun.add(one.position)
        answers = set()
        try:
            for tag in entry.tags:
                answers.add(await self._hands.delete_tag(entry.repository, tag))
                if not await self._hands.deleter.is_gone(entry.repository, tag):
                    raise RegistryError(f"the registry accepted the removal of {tag} and still has it", fault="corrupt")
            lost = await self._hands.deleter.is_gone(entry.repository, entry.digest)
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
        self._state.end(one, ALREADY_GONE if answers == {"not there"} else DELETED)

    async def _told_no(self, one: Placed, error: RegistryError) -> None:
        """Read back before anything is said: the answer may be to a request that was sent a second time."""
        entry = one.entry
        self._stays.add(entry.digest)
        if self._hands.may_be_done(error):
            try:
                gone = await self._hands.deleter.is_gone(entry.repository, entry.digest)
            except RegistryError:
                return  # nobody knows: no outcome
            if gone:
                self._stays.discard(entry.digest)
                self._state.end(one, ALREADY_GONE if error.fault == "missing" else DELETED)
                return
        self._refused(one, error)

    def _refused(self, one: Placed, error: RegistryError) -> None:
        """End this entry; raise where the next one would fare no better."""
        if refused := self._hands.says_no(error):
            self._state.end(one, EntryOutcome("refused by registry", refused))
            return
        self._state.end(one, EntryOutcome("failed", str(error)))
        if _is_hopeless(error):
            raise error


def _is_hopeless(error: RegistryError) -> bool:
    """Whether every other request would fail as well."""
    away = error.fault == "unreachable" and error.status is None
    return isinstance(error, DeletionDisabled) or error.status == 401 or error.fault == "throttled" or away
