"""A code location that has none of our jobs."""

import dagster as dg


@dg.job
def nothing() -> None: ...


definitions = dg.Definitions(jobs=[nothing])
