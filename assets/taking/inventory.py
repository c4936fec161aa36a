"""Take the inventory of one cluster: read it page by page, stage every page, merge at the end."""

from __future__ import annotations

from assets.taking.progress import Progress, Silent
from registry_core.coverage import Coverage
from resources.clusters.source import Progress as ClusterProgress
from resources.clusters.source import RowsRead, StartedOver
from resources.connections import Connections
from resources.database.snapshots import Snapshot


def take_inventory(
    connections: Connections, cluster: str, *, progress: Progress | None = None, run_id: str | None = None
) -> Snapshot:
    """Read every image reference of `cluster` into the history. Raises ClusterError where nothing could be asked.

    A resource that could not be read is a gap of the returned snapshot, and its rows stay as last known.
    """
    tell = progress or Silent()
    source = connections.cluster(cluster)
    tell.begin(f"inventory of {cluster}")
    read: dict[str, int] = {}

    def on_progress(state: ClusterProgress) -> None:
        done = max(0, state.objects - read.get(state.resource, 0))  # a list that starts over counts from nothing
        read[state.resource] = state.objects
        total = None if state.remaining is None else sum(read.values()) + state.remaining
        tell.advance(done, total=total)

    coverage, asked = Coverage(), []
    with connections.history.begin("inventory", cluster, source.as_of(), run_id=run_id) as writer:
        for event in source.read(on_progress=on_progress):
            if isinstance(event, RowsRead):
                writer.add_uses(event.rows)
            elif isinstance(event, StartedOver):
                writer.start_over(event.resource)
                tell.note(f"{cluster}: {event.resource} is read again from its beginning: {event.why}")
            else:
                asked.append(event.resource)
                coverage += event.coverage
        return writer.finish(coverage, places_read_whole=asked, places_listed=asked)
