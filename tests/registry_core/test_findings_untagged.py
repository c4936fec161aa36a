"""A repository without a tag: told as a warning, and only where it was read whole."""

from __future__ import annotations

import pandas as pd

from registry_core.catalog import CHILD_COLUMNS, IMAGE_COLUMNS, TAG_COLUMNS, CatalogFrames
from registry_core.findings_untagged import judge_untagged
from registry_core.usage import USAGE_COLUMNS

NOBODY = pd.DataFrame(columns=list(USAGE_COLUMNS))


def catalog(*, tags: list[dict[str, str]] | None = None, images: list[dict[str, str]] | None = None) -> CatalogFrames:
    return CatalogFrames(
        "r",
        pd.DataFrame(tags or [], columns=list(TAG_COLUMNS)),
        pd.DataFrame(images or [], columns=list(IMAGE_COLUMNS)),
        pd.DataFrame(columns=list(CHILD_COLUMNS)),
    )


def used(*digests: str) -> pd.DataFrame:
    return pd.DataFrame([{"repository": "web", "digest": digest} for digest in digests], columns=list(USAGE_COLUMNS))


def test_a_repository_that_holds_nothing_is_a_warning_that_hurts_nobody() -> None:
    (finding,) = judge_untagged(["web"], catalog(), NOBODY)
    assert (finding.kind, finding.what, finding.repository) == ("missing", "tags", "web")
    assert (finding.severity, finding.used_by, finding.clusters) == ("warning", "", "")
    assert "images without a tag, which no registry lists" in finding.detail


def test_a_repository_that_was_not_read_whole_is_not_said_to_have_no_tag() -> None:
    assert judge_untagged([], catalog(images=[{"repository": "web", "digest": "sha256:a"}]), NOBODY) == []


def test_a_repository_with_a_tag_is_fine_and_so_is_one_whose_only_tag_could_not_be_read() -> None:
    tags = [
        {"repository": "web", "tag": "1", "digest": "sha256:a"},
        {"repository": "api", "tag": "1", "fault": "missing"},
    ]
    assert judge_untagged(["web", "api"], catalog(tags=tags), NOBODY) == []


def test_what_is_left_in_it_and_what_of_that_is_in_use_is_told() -> None:
    images = [{"repository": "web", "digest": digest} for digest in ("sha256:a", "sha256:b")]
    lost = {"repository": "web", "digest": "sha256:c", "fault": "missing"}
    (idle,) = judge_untagged(["web"], catalog(images=[*images, lost]), NOBODY)
    (busy,) = judge_untagged(["web"], catalog(images=images), used("sha256:a", "sha256:a"))
    assert "2 images can be pulled by digest alone, and no workload does so" in idle.detail
    assert "and 1 of them is in use; tag what is used" in busy.detail


def test_they_come_by_name() -> None:
    assert [finding.repository for finding in judge_untagged({"web", "api", "db"}, catalog(), NOBODY)] == [
        "api",
        "db",
        "web",
    ]
