"""The one place where requests meet the history: one reading at a time, kept for a few seconds, never waited for
without end. However many scrape, the history is asked once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from anyio import to_thread

from registry_core.errors import DatabaseError, RegistryPipelinesError
from registry_core.monitoring import CheckAnswer, Moment, answer_check
from registry_pipelines.web.standing import Standing

#: How long an answer is given again without asking the history.
KEPT = timedelta(seconds=5)
#: How long a request waits for the history; what monitoring systems wait is longer.
PATIENCE = timedelta(seconds=10)


class Desk:
    """Answers with the newest standing. `look` is blocking and is called in a thread, by one request at a time."""

    def __init__(
        self,
        look: Callable[[], Standing],
        *,
        kept: timedelta = KEPT,
        patience: timedelta = PATIENCE,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._look = look
        self._kept, self._patience, self._clock = kept.total_seconds(), patience.total_seconds(), clock
        self._began = time.monotonic()
        self._reading: asyncio.Task[Standing] | None = None
        self._read_at = 0.0

    async def standing(self) -> Standing:
        """Raises what the history raised, or DatabaseError (`unreachable`) when it does not answer in time."""
        reading = self._reading
        if reading is None or (reading.done() and time.monotonic() - self._read_at > self._kept):
            reading = self._reading = asyncio.create_task(self._read())
            # Its failure is known even if everyone who waited for it has gone.
            reading.add_done_callback(lambda task: task.cancelled() or task.exception())
        try:
            return await asyncio.wait_for(asyncio.shield(reading), self._patience)
        except TimeoutError:
            raise DatabaseError(
                f"could not read the history: it did not answer within {self._patience:g} seconds. Is the database"
                " locked, down or very busy? Try again.",
                fault="unreachable",
                retryable=True,
            ) from None
        except RegistryPipelinesError as error:
            # The same failure is told to everyone who asks meanwhile; it must not grow a traceback for each.
            raise error.with_traceback(None) from None

    async def _read(self) -> Standing:
        try:
            return await to_thread.run_sync(self._look, abandon_on_cancel=True)
        finally:
            self._read_at = time.monotonic()

    async def check(self) -> CheckAnswer:
        """What `/_nagios_check_registry` says now."""
        standing = await self.standing()
        return answer_check(standing.sources, standing.known.troubles, self.moment())

    def moment(self) -> Moment:
        return Moment(self._clock(), timedelta(seconds=time.monotonic() - self._began))

    def close(self) -> None:
        """Wait no longer for a reading under way."""
        if self._reading is not None:
            self._reading.cancel()
