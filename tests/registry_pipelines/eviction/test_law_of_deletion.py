"""Law: whatever goes wrong, nothing outside the plan is deleted and the journal does not contradict the registry."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from registry_core.errors import RegistryPipelinesError
from registry_core.eviction import Plan
from resources.embedded_registry import EmbeddedRegistry
from tests.image_builder import make_image
from tests.registry_pipelines.eviction.estate import APP, TOOLS, Estate, build
from tests.registry_pipelines.eviction.meddler import Deed, Meddler
from tests.registry_pipelines.eviction.test_faults import check_truth

#: `None` lets a request pass.
DEEDS = st.sampled_from(
    [
        None, None, None, Deed(401, "UNAUTHORIZED"), Deed(403, "DENIED"), Deed(404, "MANIFEST_UNKNOWN"),
        Deed(405, "UNSUPPORTED"), Deed(500), Deed(503), Deed(drop="before"), Deed(drop="after"), Deed(202),
        Deed(429, "TOOMANYREQUESTS", {"Retry-After": "0"}),
    ]
)  # fmt: skip


Wanted = set[tuple[str, str]]
"""Images that may no longer go, by (repository, digest)."""


def nothing(_estate: Estate) -> Wanted:
    return set()


def retag(estate: Estate) -> Wanted:
    estate.push("v2", estate.images["v2"], tag="wanted")
    return _images(estate, APP, "v2", "v2 sbom")


def use_more(estate: Estate) -> Wanted:
    estate.use(f"{APP}:v3", f"{TOOLS}:t3", f"{APP}:nested", f"{TOOLS}:t1")
    return _images(estate, APP, "nested", "inner", "inner linux/amd64", "beside") | _images(estate, TOOLS, "tool 1")


def move(estate: Estate) -> Wanted:
    estate.push("moved", make_image([b"moved"]), TOOLS, "t1")
    return _images(estate, TOOLS, "tool 1")


def _images(estate: Estate, repository: str, *names: str) -> Wanted:
    return {(repository, estate.images[name].digest) for name in names}


@settings(
    max_examples=5,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # each example is a whole cycle: shrinking takes minutes
)
@example(deletions=[None] * 7 + [Deed(drop="after"), Deed(403, "DENIED")], looks=[], change=nothing, wave_size=1)
@given(
    deletions=st.lists(DEEDS, max_size=20),
    looks=st.lists(DEEDS, max_size=6),
    change=st.sampled_from([nothing, retag, use_more, move]),
    wave_size=st.sampled_from([1, 3, 100]),
)
def test_nothing_outside_the_plan_goes_and_the_journal_is_true(
    deletions: list[Deed | None],
    looks: list[Deed | None],
    change: Callable[[Estate], Wanted],
    wave_size: int,
) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        EmbeddedRegistry(Path(folder) / "registry", durable=False) as registry,
    ):
        estate = build(Path(folder) / "site", registry.url, settings={"retries": 0}, referrers_api=True)
        plan = estate.plan()
        wanted = change(estate)
        before = set(estate.contents())
        lied: set[str] = set()

        def rule(method: str, path: str, count: int) -> Deed | None:
            chosen = deletions if method == "DELETE" else looks if method in ("HEAD", "GET") else []
            deed = chosen[count] if count < len(chosen) else None
            if deed is not None and deed.status == 404 and method != "DELETE":
                lied.add(path.rpartition("/")[2])
            # A 2xx that is no answer to a question is another law's; here it is a lie about a deletion.
            return None if deed is not None and deed.status == 202 and method != "DELETE" else deed

        sections = {"eviction": {"wave_size": wave_size, "check_health_between_waves": False}}
        with Meddler(registry.url, rule) as meddler:
            estate.configure(url=meddler.url, **sections)
            for number in range(3):
                with suppress(RegistryPipelinesError):
                    estate.execute(plan, f"run {number}")
                _check(estate, plan, before, wanted, lied)
        estate.configure(**sections)
        with suppress(RegistryPipelinesError):
            estate.execute(plan, "the last run")
        _check(estate, plan, before, wanted, lied)


def _check(estate: Estate, plan: Plan, before: Wanted, wanted: Wanted, lied: set[str]) -> None:
    assert wanted <= set(estate.contents())
    if lied:  # a registry that says 404 for all of an image is believed, so that the image is no longer asked for
        assert before - set(estate.contents()) <= {entry.image for entry in plan.entries}
    else:
        check_truth(estate, plan, before)
