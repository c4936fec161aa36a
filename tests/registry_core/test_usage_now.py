"""References that the catalog does not know: what the registry says now decides."""

from __future__ import annotations

from typing import Any

import pandas as pd

from registry_core.coverage import Fault
from registry_core.usage import UNRESOLVED_COLUMNS, USAGE_COLUMNS, UsageFrames
from registry_core.usage_now import Now, by_what_is_now, names_in_doubt

DIGEST, OTHER = "sha256:" + "a" * 64, "sha256:" + "b" * 64


def lost(fault: Fault = "missing", **changes: Any) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(UNRESOLVED_COLUMNS)
    return row | {
        "repository": "web", "tag": "1", "fault": fault, "why": "no such tag in the repository",
        "cluster": "production",
        "namespace": "shop", "owner_kind": "Deployment", "owner_name": "web", "reference": "r/web:1", "pods": 2,
        **changes,
    }  # fmt: skip


def frames(*unresolved: dict[str, Any]) -> UsageFrames:
    return UsageFrames(
        "r",
        pd.DataFrame(columns=list(USAGE_COLUMNS)),
        pd.DataFrame(list(unresolved), columns=list(UNRESOLVED_COLUMNS)),
    )


def test_a_tag_that_was_pushed_since_is_used_and_no_longer_lost() -> None:
    now = by_what_is_now(frames(lost()), {("web", "1"): Now(DIGEST)})
    assert now.unresolved.empty
    (use,) = now.usage.to_dict("records")
    assert (use["repository"], use["digest"], use["match"], use["pods"]) == ("web", DIGEST, "tag", 2)
    assert list(now.usage.columns) == list(USAGE_COLUMNS)


def test_of_tag_and_digest_the_digest_is_asked_for() -> None:
    pinned = frames(lost(digest=OTHER))
    assert names_in_doubt(pinned.unresolved) == [("web", OTHER)]
    assert by_what_is_now(pinned, {("web", OTHER): Now(OTHER)}).usage.loc[0, "match"] == "digest"


def test_what_is_missing_still_stays_as_it_was_told() -> None:
    before = frames(lost())
    now = by_what_is_now(before, {("web", "1"): Now(None, "missing", "404")})
    pd.testing.assert_frame_equal(now.unresolved, before.unresolved)


def test_a_registry_that_does_not_answer_now_is_not_taken_for_one_that_has_it_not() -> None:
    now = by_what_is_now(frames(lost()), {("web", "1"): Now(None, "unreachable", "no connection")})
    (row,) = now.unresolved.to_dict("records")
    assert row["fault"] == "unreachable"
    assert "no connection" in row["why"]


def test_what_the_catalog_could_not_read_and_what_is_no_reference_is_not_asked_for() -> None:
    unasked = frames(lost("forbidden"), lost(repository=None, tag=None, reference="Web"))
    assert names_in_doubt(unasked.unresolved) == []
    pd.testing.assert_frame_equal(by_what_is_now(unasked, {}).unresolved, unasked.unresolved)


def test_each_reference_is_judged_by_its_own_name() -> None:
    now = by_what_is_now(frames(lost(), lost(tag="2")), {("web", "2"): Now(DIGEST), ("web", "1"): Now(None, "missing")})
    assert list(now.unresolved["tag"]) == ["1"]
    assert len(now.usage) == 1
