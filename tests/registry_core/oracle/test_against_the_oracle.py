"""The product's decisions against the oracle's: whatever the page says must stay, stays."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from registry_core.catalog import CHILD_COLUMNS, IMAGE_COLUMNS, TAG_COLUMNS, CatalogFrames
from registry_core.coverage import Coverage, Gap
from registry_core.errors import ConfigError
from registry_core.eviction import make_plan
from registry_core.inventory import INVENTORY_COLUMNS
from registry_core.limits import Limits
from registry_core.policy import read_policies
from registry_core.references import Reference
from registry_core.registry_directory import RegistryDirectory, RegistryNames, RewrittenPrefix
from registry_core.retention import decide
from registry_core.retention_evidence import Evidence, Snapshot
from registry_core.usage import USAGE_COLUMNS, UsageFrames, in_every_repository, join_usage
from registry_core.usage_past import with_past_usage
from tests.registry_core.oracle.keeping import what_stays
from tests.registry_core.oracle.world import Name, World
from tests.registry_core.oracle.worlds import company, together, world

#: Worlds are decided together, as parts of one registry, which is forty times faster than one by one.
WORLDS, SEEDS, COMPANY, PARTS = 2_000, 80, 50, 4

Lost = tuple[set[Name], set[tuple[str, str]]]
"""Images, and single tags of images that stay."""

NO_LIMITS = Limits(max_evicted_images=10**6, max_evicted_share=1, min_images_in_use=0)
_TIMES = ("created_at", "pushed_at", "pulled_at", "first_seen_at", "last_seen_at")


def what_goes(of: World) -> Lost:
    """Images and single tags that the product's plan would delete. Raises ConfigError for policies that it refuses."""
    catalog = CatalogFrames(
        registry="example",
        tags=_frame(
            [
                {"repository": tag.repository, "tag": tag.text, "digest": tag.digest, "fault": tag.fault}
                for tag in of.tags
            ],
            TAG_COLUMNS,
        ),
        images=_frame(
            [
                {
                    "repository": image.repository,
                    "digest": image.digest,
                    "media_type": "application/json" if image.manifest_read else None,
                    "subject": image.subject,
                    "config_digest": image.config,
                    "created_at": image.created,
                    "pushed_at": image.pushed,
                    "first_seen_at": image.first_seen,
                    "fault": image.fault,
                    "protection": "not answered" if image.protection_unknown else image.protection,
                    "protection_fault": "unreachable" if image.protection_unknown else None,
                }
                for image in of.images
            ],
            IMAGE_COLUMNS,
        ),
        children=_frame(
            [
                {"digest": digest, "child": child, "position": position}
                for digest, children in {image.digest: image.children for image in of.images}.items()
                for position, child in enumerate(children)
            ],
            CHILD_COLUMNS,
        ),
    )
    evidence = Evidence(
        registry="example",
        catalog=Snapshot("c", of.catalog_at, Coverage(gaps=tuple(Gap(name, "forbidden", "no") for name in of.gaps))),
        inventories={name: Snapshot(name, at) for name, at in of.inventories.items()},
        history_began_at=of.history_began,
    )
    decisions = decide(read_policies(list(of.policies)), catalog, _usage(of, catalog), evidence=evidence)
    # That a catalog with gaps makes no plan is not the matter here.
    whole = replace(
        decisions, facts=replace(decisions.facts, evidence=replace(evidence, catalog=Snapshot("c", of.catalog_at)))
    )
    plan = make_plan(whole, NO_LIMITS, now=max(of.catalog_at, *of.inventories.values()), can_remove_single_tags=True)
    return (
        {entry.image for entry in plan.entries if entry.kind == "delete"},
        {(entry.repository, tag) for entry in plan.entries if entry.kind == "untag" for tag in entry.tags},
    )


def _usage(of: World, catalog: CatalogFrames) -> UsageFrames:
    inventory = [
        {
            "cluster": use.cluster, "resource": "v1 pods", "namespace": "shop", "kind": "Pod", "name": f"pod-{number}",
            "owner_kind": "Deployment", "owner_name": f"web-{number}", "container": "web",
            "container_kind": "container", "reference": use.written, "registry": read.registry,
            "repository": read.repository, "tag": read.tag, "digest": read.digest, "status_digest": use.running,
            "state": "running", "first_seen_at": seen, "last_seen_at": seen,
        }
        for number, use in enumerate(of.uses)
        for seen in (of.inventories[use.cluster],)
        for read in (Reference.parse(use.written).with_default_tag(),)
    ]  # fmt: skip
    rewritten = tuple(RewrittenPrefix(prefix, host) for prefix, host in of.also_known_as)
    joined = join_usage(
        _frame(inventory, INVENTORY_COLUMNS),
        catalog,
        names=RegistryNames(RegistryDirectory({"example": of.hosts}, rewritten), "example"),
        environment_of=lambda cluster, _: cluster,
    )
    past = [
        {
            "repository": use.repository, "digest": use.digest, "match": "tag", "cluster": use.cluster,
            "namespace": "shop", "owner_kind": "Deployment", "owner_name": f"old-{number}", "container": "web",
            "container_kind": "container", "reference": use.written, "environment": use.cluster, "state": "running",
            "pods": 1, "first_seen_at": use.seen, "last_seen_at": use.seen,
        }
        for number, use in enumerate(of.past)
    ]  # fmt: skip
    return with_past_usage(joined, in_every_repository(_frame(past, USAGE_COLUMNS), catalog))


def _frame(rows: list[dict[str, Any]], columns: tuple[str, ...]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=list(columns))
    for column in _TIMES:
        if column in frame:
            frame[column] = pd.to_datetime(frame[column], utc=True).astype("datetime64[us, UTC]")
    return frame


def lost(of: World) -> Lost:
    """What the product lets go of and the oracle keeps."""
    return _lost(what_goes(of), of)


def _lost(goes: Lost, of: World) -> Lost:
    verdict = what_stays(of)
    here = {image.repository for image in of.images}
    tags = {tag for tag in goes[1] if tag[0] in here}
    return {name for name in goes[0] if name[0] in here} & verdict.images.keys(), tags & verdict.tags


def _kept_more(goes: Lost, of: World) -> int:
    """How many images the product keeps and the oracle does not: caution, and no fault."""
    stored = {image.name for image in of.images if image.fault != "missing"}
    return len(stored - goes[0] - what_stays(of).images.keys())


def readable(worlds: Iterable[World]) -> Iterator[World]:
    """Those whose policies can be read: random patterns may take all from one another."""
    for of in worlds:
        with suppress(ConfigError):
            read_policies(list(of.policies))
            yield of


@pytest.mark.parametrize("part", range(PARTS))
def test_what_the_page_keeps_is_never_let_go(part: int) -> None:
    tried = kept_more = 0
    for seed in range(part, SEEDS, PARTS):
        worlds = list(readable(company(seed, COMPANY)))
        goes = what_goes(together(worlds))
        for of in worlds:
            if any(_lost(goes, of)):
                alone = any(lost(of))
                raise AssertionError(f"seed {seed}: {explained(smallest(of)) if alone else f'only in company: {of}'}")
        tried += len(worlds)
        kept_more += sum(_kept_more(goes, of) for of in worlds)
    print(f"{tried} worlds; {kept_more} images kept beyond the page")
    assert tried >= WORLDS // PARTS


def test_what_the_page_keeps_is_never_let_go_of_a_registry_of_its_own() -> None:
    for of in readable(world(seed) for seed in range(60)):
        assert not any(lost(of)), explained(smallest(of))


def smallest(of: World) -> World:
    """The world without everything that makes no difference to the failure."""
    changed = True
    while changed:
        changed = False
        for less in _smaller(of):
            if _still_loses(less):
                of, changed = less, True
                break
    return of


def _still_loses(of: World) -> bool:
    try:
        return any(lost(of))
    except (ConfigError, ValueError):
        return False


def _smaller(of: World) -> Iterator[World]:
    for name in ("uses", "past", "tags", "gaps", "policies", "images"):
        rows = getattr(of, name)
        for place in range(len(rows)):
            yield replace(of, **{name: rows[:place] + rows[place + 1 :]})
    for place, entry in enumerate(of.policies):
        for key in entry:
            if key != "repositories":
                less = {one: value for one, value in entry.items() if one != key}
                yield replace(of, policies=(*of.policies[:place], less, *of.policies[place + 1 :]))
    for place, image in enumerate(of.images):
        for change in (
            {"fault": None, "manifest_read": True}, {"protection": None}, {"protection_unknown": False},
            {"pushed": None}, {"first_seen": None}, {"created": None}, {"subject": None}, {"config": None},
        ):  # fmt: skip
            less = replace(image, **change)
            if less != image:
                yield replace(of, images=(*of.images[:place], less, *of.images[place + 1 :]))


def explained(of: World) -> str:
    images, tags = lost(of)
    verdict = what_stays(of)
    return "\n".join(
        [
            "the plan would lose",
            *(f"  {repository}@{digest[:15]}: {sorted(verdict.images[repository, digest])}"
              for repository, digest in sorted(images)),
            *(f"  the tag {repository}:{tag}" for repository, tag in sorted(tags)),
            "of",
            *(f"  {row}" for row in (*of.images, *of.tags, *of.uses, *of.past, *of.policies)),
            f"  catalog {of.catalog_at}, inventories {of.inventories}, history {of.history_began}, {of.hosts}",
        ]
    )  # fmt: skip
