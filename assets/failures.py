"""The one bridge from our errors to Dagster's: a clear sentence, and a retry only where one can help."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from registry_core.errors import RegistryPipelinesError


@contextmanager
def told_to_dagster() -> Iterator[None]:
    """Turn our errors into `dagster.Failure`. A step with a retry policy is tried again only for what may pass.

    The original stays as the cause; its message is written for a person and holds no secret (law 7).
    """
    try:
        yield
    except RegistryPipelinesError as error:
        raise dg.Failure(
            description=str(error),
            metadata={"error": type(error).__name__, "can pass by itself": error.retryable},
            allow_retries=error.retryable,
        ) from error
