"""Ask a registry about many things at once, and hear the answers as they arrive."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import TypeVar

from resources.registry.connection import RegistryConnection
from resources.registry.reading import Reader

Asked = TypeVar("Asked")
Answered = TypeVar("Answered")


def answers(
    connection: RegistryConnection, questions: Iterable[Asked], ask: Callable[[Reader, Asked], Awaitable[Answered]]
) -> Iterator[Answered]:
    """One answer for each question, in no promised order. Questions are taken one by one as there is room, so they may
    be very many; the first that `ask` raises for ends them all."""
    with connection.engine() as engine:
        reader = Reader(connection, engine)
        answered: deque[Answered] = deque()

        async def one(question: Asked) -> None:
            answered.append(await ask(reader, question))

        task = engine.spawn(engine.each(questions, one))
        try:
            while not task.done:
                engine.step()
                while answered:
                    yield answered.popleft()
            task.result()
        finally:
            engine.cancel(task)
