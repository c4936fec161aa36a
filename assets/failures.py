"""The one bridge from our errors to Dagster's: a clear sentence, and a retry only where one can help."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from registry_core.errors import RegistryPipelinesError

MOST_RETRIES = 2
RETRY_AFTER_SECONDS = 60


@contextmanager
def told_to_dagster(*, retry_after_seconds: float = RETRY_AFTER_SECONDS) -> Iterator[None]:
    """Turn our errors into `dagster.Failure`, or into a request to be tried again where that can help.

    Asked for here rather than by a retry policy, which would also try again what a person has just stopped
    (Dagster applies a policy to interrupts). The original stays as the cause; its message is written for a
    person and holds no secret (law 7).
    """
    try:
        yield
    except RegistryPipelinesError as error:
        if error.retryable:
            raise dg.RetryRequested(max_retries=MOST_RETRIES, seconds_to_wait=retry_after_seconds) from error
        raise dg.Failure(
            description=str(error), metadata={"error": type(error).__name__}, allow_retries=False
        ) from error
