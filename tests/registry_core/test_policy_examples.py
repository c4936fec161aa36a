"""The worked examples of docs/policy.md: each is decided here, and is what the page shows."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from registry_core.errors import LimitExceeded
from registry_core.eviction import make_plan
from registry_core.limits import Limits
from registry_core.policy import read_policies
from registry_core.policy_spans import parse_span
from registry_core.retention import decide
from registry_core.retention_decisions import Decisions
from registry_core.retention_evidence import Evidence
from tests.registry_core.small_registry import AS_OF, SmallRegistry, digest

DOCS = Path(__file__).parents[2] / "docs"
EXAMPLES = sorted((DOCS / "policy_examples").glob("*.yaml"))


def _time(written: str | date | None) -> datetime | None:
    """An age as in `10d`, or a day."""
    if written is None:
        return None
    if isinstance(written, date):
        return datetime(written.year, written.month, written.day, tzinfo=UTC)
    return AS_OF - parse_span(written)


def _name(repository: str, image: dict[str, Any]) -> str:
    return f"{repository} {image.get('name') or image['tags'][0]}"


def _decide(example: dict[str, Any]) -> Decisions:
    registry = SmallRegistry()
    for repository, images in example["images"].items():
        for image in images:
            tags = list(image.get("tags", ()))
            if "signs" in image:
                signed = image["signs"] if " " in image["signs"] else f"{repository} {image['signs']}"
                tags.append(digest(signed).replace(":", "-") + ".sig")
            registry.image(
                repository,
                _name(repository, image),
                *tags,
                children=[f"{repository} {child}" for child in image.get("children", ())],
                subject=f"{repository} {image['subject']}" if "subject" in image else None,
                pushed_at=_time(image.get("pushed")),
                created_at=_time(image.get("created")),
                **({"fault": "missing", "media_type": None} if image.get("lost") else {}),
            )
        for used in example.get("in_use", {}).get(repository, ()):
            how = used if isinstance(used, dict) else {"name": used}
            image = f"{repository} {how['name']}"
            known_as = f"@{digest(image)}" if how.get("by") == "digest" else f":{how['name']}"
            registry.use(
                repository,
                image,
                reference=f"registry.example.com/{repository}{known_as}",
                seen=parse_span(how["ended"]) / timedelta(days=1) if "ended" in how else 0.0,
            )
    return decide(read_policies(example["policies"]), registry.catalog(), registry.uses(), evidence=Evidence.at(AS_OF))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_example_is_decided_as_the_page_says(path):
    example = yaml.safe_load(path.read_text())
    decisions = _decide(example)
    if "refused" in example:
        with pytest.raises(LimitExceeded) as caught:
            make_plan(decisions, Limits(**example["limits"]), now=AS_OF)
        assert example["refused"] in str(caught.value)
        return
    told = {"keep": {}, "evict": {}}
    for row in decisions.frame().itertuples():
        told[row.decision][row.repository, row.digest] = row.reasons
    for decision, key in (("keep", "stays"), ("evict", "goes")):
        expected = {
            (repository, digest(f"{repository} {name}")): reasons
            for repository, images in example.get(key, {}).items()
            for name, reasons in images.items()
        }
        assert told[decision] == expected

    if "tags_go" in example:
        tags = decisions.facts.nodes.catalog.tags[decisions.single_tags]
        loose = {repository: sorted(of["tag"]) for repository, of in tags.groupby("repository")}
        assert loose == example["tags_go"]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_page_shows_the_example_as_it_is_run(path):
    assert f"```yaml\n{path.read_text()}```" in (DOCS / "policy.md").read_text()


def test_there_are_examples():
    assert len(EXAMPLES) >= 14
