"""Workloads are seen every quarter of an hour, catalogs taken at night: what was pushed between is not missing."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from assets.taking.health import examine
from assets.taking.inventory import take_inventory
from resources.embedded_registry import EmbeddedRegistry
from tests.image_builder import make_image, make_multi_platform
from tests.registry_pipelines.eviction.estate import APP, REGISTRY, Estate


@pytest.fixture
def estate(embedded_registry: EmbeddedRegistry, tmp_path: Path) -> Estate:
    """Its catalog knows one image."""
    (tmp_path / "site").mkdir()
    estate = Estate(tmp_path / "site", embedded_registry.url)
    estate.push("old", make_image([b"old"]), tag="old")
    estate.use(f"{APP}:old")
    estate.configure()
    estate.survey()
    return estate


def deploy(estate: Estate, *references: str) -> None:
    estate.use(*references)
    with estate.connections() as connections:
        take_inventory(connections, "production")


def look(estate: Estate) -> pd.DataFrame:
    with estate.connections() as connections:
        return examine(connections, REGISTRY).findings


def test_an_image_that_was_pushed_and_deployed_since_is_healthy(estate: Estate) -> None:
    estate.push("new", make_multi_platform(), tag="new")
    deploy(estate, f"{APP}:new")
    assert look(estate).empty


def test_it_is_looked_at_whole(estate: Estate, embedded_registry: EmbeddedRegistry) -> None:
    new = estate.push("new", make_multi_platform(), tag="new")
    deploy(estate, f"{APP}:new")
    child = next(child for child in new.children if child.platform == "linux/amd64")
    embedded_registry.layout.blob_path(APP, child.layer_digests[0]).unlink()
    (finding,) = look(estate).to_dict("records")
    assert (finding["kind"], finding["what"], finding["blob"]) == ("missing", "layer", child.layer_digests[0])
    assert finding["used_by"] == "production shop/web (Pod)"


def test_a_tag_that_was_never_pushed_is_missing(estate: Estate) -> None:
    deploy(estate, f"{APP}:never")
    (finding,) = look(estate).to_dict("records")
    assert (finding["kind"], finding["what"], finding["tag"]) == ("missing", "reference", "never")


def test_while_the_registry_is_down_nobody_says_that_it_is_missing(
    estate: Estate, embedded_registry: EmbeddedRegistry
) -> None:
    deploy(estate, f"{APP}:never")
    embedded_registry.stop()
    (finding,) = look(estate).to_dict("records")
    assert (finding["kind"], finding["what"], finding["tag"]) == ("unreachable", "reference", "never")
