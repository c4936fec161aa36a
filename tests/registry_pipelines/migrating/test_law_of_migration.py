"""The law: whatever happens between plan and execution, nothing is written that the plan does not name."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack, suppress
from pathlib import Path

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from registry_core.errors import PartialFailure
from tests.image_builder import make_image
from tests.registry_pipelines.eviction.estate import APP, TOOLS
from tests.registry_pipelines.migrating.conftest import a_move
from tests.registry_pipelines.migrating.move import Move

_TAGS = [(APP, "v1"), (APP, "v2"), (APP, "stable"), (APP, "nested"), (TOOLS, "t1"), (TOOLS, "t3"), (APP, "unplanned")]
_MEDDLING = st.lists(
    st.tuples(st.sampled_from(["moved at the source", "gone at the source", "taken there"]), st.sampled_from(_TAGS)),
    max_size=4,
    unique_by=lambda one: one,
)


def meddle(move: Move, what: str, repository: str, tag: str, number: int) -> None:
    newer = make_image([b"meddled %d" % number])
    if what == "moved at the source":
        move.estate.push(f"newer {number}", newer, repository, tag)
    elif what == "taken there":
        move.there().push(f"theirs {number}", newer, repository, tag)
    elif (digest := move.estate.tags(repository).get(tag)) is not None:
        move.estate.delete(digest, repository)


@example(before=[], after=[("taken there", (APP, "v1"))], rule="overwrite")
@example(before=[("taken there", (APP, "v2"))], after=[("taken there", (APP, "v2"))], rule="overwrite")
@settings(deadline=None, max_examples=6, suppress_health_check=list(HealthCheck))
@given(
    before=_MEDDLING.map(lambda steps: [step for step in steps if step[0] == "taken there"]),
    after=_MEDDLING,
    rule=st.sampled_from(["refuse", "keep", "overwrite"]),
)
def test_execution_writes_planned_tags_to_planned_digests_or_leaves_them(
    before: list[tuple[str, tuple[str, str]]], after: list[tuple[str, tuple[str, str]]], rule: str
) -> None:
    with tempfile.TemporaryDirectory() as folder, ExitStack() as opened:
        move = a_move(Path(folder), "embedded", "embedded", opened).configure(on_conflict=rule)
        for number, (what, place) in enumerate(before):
            meddle(move, what, *place, number)
        plan = move.plan()
        for number, (what, place) in enumerate(after):
            meddle(move, what, *place, 100 + number)
        at_source = {name: move.estate.tags(name) for name in (APP, TOOLS)}
        stood = {name: move.there().tags(name) for name in (APP, TOOLS)}
        with suppress(PartialFailure):
            move.execute(plan)
        named = {(entry.to_repository, tag): entry for entry in plan.entries if entry.copies for tag in entry.tags}
        for repository in (APP, TOOLS):
            now = move.there().tags(repository)
            assert not stood[repository].keys() - now.keys(), "nothing is taken away"
            for tag, digest in now.items():
                if tag.startswith("sha256-") or stood[repository].get(tag) == digest:
                    continue
                entry = named[repository, tag]
                assert digest == entry.digest == at_source[repository].get(tag), (
                    "as planned, and still so at the source"
                )
                assert stood[repository].get(tag) in (None, entry.overwrites.get(tag)), (
                    "only what was agreed to be lost"
                )
