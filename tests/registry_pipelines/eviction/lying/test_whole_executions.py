"""Law: nothing that an inventory, a tag or a rule names when its DELETE arrives is deleted; the journal names the rest.

`LAW_EXECUTIONS` is how many executions are tried (400 where it is not set); `LAW_SEED` shows the story of one world.
"""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from registry_pipelines.eviction import deleting
from tests.registry_pipelines.eviction.lying.living import LyingWorld
from tests.registry_pipelines.eviction.lying.registry import LyingRegistry
from tests.registry_pipelines.eviction.lying.site import LyingSite

EXECUTIONS = int(os.environ.get("LAW_EXECUTIONS", "400"))
PROCESSES = min(4, os.cpu_count() or 1)


def live_through(seeds: Iterable[int], executions: int) -> tuple[Counter[str], str]:
    """What was done in the worlds of these seeds, and the story of the first in which the law is broken."""
    deleting._ASK_AGAIN_SECONDS = (0.0,)  # a registry whose parts agree late is the matter of another test
    memory = Path("/dev/shm")
    counts: Counter[str] = Counter()
    with (
        tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder,
        LyingRegistry() as registry,
    ):
        site = LyingSite(Path(folder), registry)
        for seed in seeds:
            world = LyingWorld(seed, site)
            world.live()
            counts.update(world.counts)
            if world.broken:
                return counts, "\n".join([f"LAW_SEED={seed}", *world.broken, *world.story])
            if counts["executions"] >= executions:
                break
    return counts, ""


@pytest.mark.slow
def test_nothing_that_is_named_is_deleted_and_the_journal_names_what_was() -> None:
    if seed := os.environ.get("LAW_SEED"):
        _, broken = live_through([int(seed)], 1_000)
        assert not broken, broken
        return
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as pool:
        share = -(-EXECUTIONS // PROCESSES)
        parts = [
            pool.submit(live_through, range(part, 100 * EXECUTIONS, PROCESSES), share) for part in range(PROCESSES)
        ]
        found = [part.result() for part in parts]
    for _, broken in found:
        assert not broken, broken
    total = sum((counts for counts, _ in found), Counter[str]())
    print(dict(total))
    assert total["executions"] >= EXECUTIONS
    assert total["deletions"] > EXECUTIONS / 2
