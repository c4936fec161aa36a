"""Take a snapshot of each source by its name; one that cannot be read does not keep the others from being read."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from registry_core.errors import SourceError
from registry_pipelines.cli.progress_bar import ProgressBar, progress_bar

if TYPE_CHECKING:
    from resources.database.snapshots import Snapshot

Take = Callable[[str, ProgressBar], "Snapshot"]
Describe = Callable[[str, "Snapshot"], dict[str, Any]]


def take_each(names: Iterable[str], take: Take, describe: Describe) -> tuple[list[dict[str, Any]], list[str]]:
    """A row for each snapshot that was stored, and a sentence for each thing that was not read."""
    rows, troubles = [], []
    for name in names:
        try:
            with progress_bar() as progress:
                snapshot = take(name, progress)
        except SourceError as error:
            troubles.append(str(error))
            continue
        unread = snapshot.coverage.unexcused
        rows.append(
            {"state": snapshot.state, "as_of": snapshot.as_of, "not_read": len(unread)} | describe(name, snapshot)
        )
        troubles += [f"{name}: {gap}" for gap in unread]
    return rows, troubles
