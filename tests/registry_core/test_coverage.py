"""Coverage: what may be concluded from what is not there."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from registry_core.coverage import FAULTS, Coverage, Gap

GAPS = st.builds(
    Gap, place=st.text(max_size=20), fault=st.sampled_from(FAULTS), detail=st.text(max_size=40), excused=st.booleans()
)
COVERAGES = st.builds(
    Coverage,
    asked=st.integers(0, 1000),
    answered=st.integers(0, 1000),
    found=st.dictionaries(st.text(max_size=5), st.integers(0, 9), max_size=4),
    gaps=st.lists(GAPS, max_size=4).map(tuple),
)


@given(COVERAGES)
def test_what_is_stored_comes_back(coverage: Coverage) -> None:
    assert Coverage.from_json(json.loads(json.dumps(coverage.to_json()))) == coverage


@given(COVERAGES, COVERAGES)
def test_a_whole_is_complete_only_if_every_part_is(one: Coverage, other: Coverage) -> None:
    assert (one + other).complete == (one.complete and other.complete)


def test_an_excused_gap_leaves_a_snapshot_complete_and_is_still_told() -> None:
    coverage = Coverage(2, 1, gaps=(Gap("knative", "missing", "the cluster has none", excused=True),))
    assert coverage.complete
    assert coverage.summary() == "complete: 1 of 2 answered, 1 excused"


def test_what_was_not_read_is_named_with_its_fault() -> None:
    coverage = Coverage(2, 1, gaps=(Gap("health/web", "forbidden", "the robot may not list it"),))
    assert coverage.summary() == (
        "incomplete: 1 of 2 answered; not read: health/web: forbidden: the robot may not list it"
    )
