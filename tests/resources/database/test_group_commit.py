"""What arrives together is written together, and nobody pays for another's mistake."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from registry_core.errors import DatabaseError
from resources.database.group_commit import GroupCommit


class Slow:
    """Writes when it is let; `batches` are what was written at once."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.go = threading.Event()
        self.begun = threading.Event()

    def write(self, items: Sequence[int]) -> list[int]:
        self.begun.set()
        assert self.go.wait(10)
        self.batches.append(list(items))
        if -1 in items:
            raise ValueError("no such number")
        return [item * 2 for item in items]


def add_all(together: GroupCommit[int, int], slow: Slow, items: Sequence[int]) -> dict[int, int | Exception]:
    """The first alone, and the others while it is being written."""
    found: dict[int, int | Exception] = {}

    def add(item: int) -> None:
        try:
            found[item] = together.add(item)
        except Exception as error:  # noqa: BLE001 - looked at by the test
            found[item] = error

    threads = [threading.Thread(target=add, args=(item,)) for item in items]
    threads[0].start()
    assert slow.begun.wait(10)
    for thread in threads[1:]:
        thread.start()
    while len(together._queue) < len(items) - 1:
        pass
    slow.go.set()
    for thread in threads:
        thread.join(10)
    return found


def test_what_arrives_while_another_is_written_is_one_transaction() -> None:
    slow = Slow()
    assert add_all(GroupCommit(slow.write), slow, range(20)) == {number: number * 2 for number in range(20)}
    assert [len(batch) for batch in slow.batches] == [1, 19]


def test_a_transaction_has_a_bound() -> None:
    slow = Slow()
    assert len(add_all(GroupCommit(slow.write, most=5), slow, range(13))) == 13
    assert [len(batch) for batch in slow.batches] == [1, 5, 5, 2]


def test_one_that_cannot_be_stored_takes_no_other_with_it() -> None:
    slow = Slow()
    found = add_all(GroupCommit(slow.write), slow, [1, 2, -1, 3])
    assert isinstance(found.pop(-1), ValueError)
    assert found == {1: 2, 2: 4, 3: 6}


def test_a_database_that_is_busy_fails_all_at_once() -> None:
    asked: list[int] = []

    def write(items: Sequence[int]) -> list[int]:
        asked.append(len(items))
        raise DatabaseError("it is locked", fault="throttled", retryable=True)

    together: GroupCommit[int, int] = GroupCommit(write)
    for number in range(3):
        with pytest.raises(DatabaseError, match="it is locked"):
            together.add(number)
    assert asked == [1, 1, 1]
