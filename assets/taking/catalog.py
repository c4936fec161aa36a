"""Take the catalog of one registry: crawl it repository by repository, stage each, merge at the end."""

from __future__ import annotations

from datetime import UTC, datetime

from assets.taking.progress import Progress, Silent
from registry_core.errors import RegistryError
from registry_core.plain_rows import plain_rows
from registry_core.registry_rows import own_rows
from resources.connections import Connections
from resources.database.snapshots import Snapshot
from resources.registry.crawling.crawl import Crawl, CrawlProgress


def take_catalog(
    connections: Connections, registry: str, *, progress: Progress | None = None, run_id: str | None = None
) -> Snapshot:
    """Read every repository, tag and manifest of `registry` into the history.

    What could not be read is a row or a gap that says why. Raises RegistryError when nothing of the registry
    could be read at all: the last snapshot then stays the newest.
    """
    tell = progress or Silent()
    history = connections.history
    connection = connections.registry(registry)
    as_of = datetime.now(UTC)
    told = 0

    def on_progress(state: CrawlProgress) -> None:
        nonlocal told
        tell.advance(state.tags - told)
        told = state.tags

    tell.begin(f"tags of {registry}")
    crawl = Crawl(
        connection,
        as_of,
        remembered=history.remembered(registry),
        in_use=_used_by_clusters(connections, registry),
        provider=connections.provider(registry),
        on_progress=on_progress,
    )
    with history.begin("catalog", registry, as_of, run_id=run_id) as writer:
        for repository in crawl:
            writer.add_repository(repository)
        coverage, listing = crawl.coverage, crawl.listing
        if coverage.answered == 0 and coverage.unexcused:
            gap = coverage.unexcused[0]
            raise RegistryError(
                f"nothing of {registry} could be read: {gap.detail}",
                fault=gap.fault,
                retryable=gap.fault != "forbidden",
            )
        # Only a list of repositories that came whole says which of them are gone.
        whole = listing is not None and listing.gap is None
        return writer.finish(coverage, places_listed=listing.repositories if listing is not None and whole else None)


def _used_by_clusters(connections: Connections, registry: str) -> dict[str, set[str]]:
    """Repositories that workloads name, each with the digests that are written or run of it."""
    history = connections.history
    read = [name for name in connections.site.clusters if history.latest("inventory", name) is not None]
    if not read:
        return {}
    frame = history.read_inventories(read)
    ours = own_rows(frame[frame["repository"].notna()], connections.site.directory.names_of(registry))
    used: dict[str, set[str]] = {repository: set() for repository in ours["repository"].unique()}
    for name in ("digest", "status_digest"):
        pairs = ours.loc[ours[name].notna(), ["repository", name]].drop_duplicates()
        for repository, digest in plain_rows(pairs, ["repository", name]):
            used[repository].add(digest)
    return used
