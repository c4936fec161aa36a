"""What could not be put back stays; where the policy lets it go, it goes, and the plan says so before."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from assets.taking.plan import decide_now
from registry_core.digests import digest_of
from registry_core.eviction_entries import Entry
from registry_core.eviction_shrink import Fresh, Shrunk
from registry_pipelines.eviction.keeping import kept_images
from registry_pipelines.eviction.last_look import Seen
from registry_pipelines.eviction.waves import Placed
from tests.image_builder import make_image, make_index
from tests.registries import DockerRegistry
from tests.registry_pipelines.cli.calling import call
from tests.registry_pipelines.eviction.estate import APP, HOST, POLICIES, REGISTRY, TOOLS, Estate, build, created

EVICT = [{**POLICIES[0], "broken": {"evict": True}}]


def lose_a_child(estate: Estate) -> str:
    index = estate.push(
        "halved", make_index([make_image([bytes([n])], config=created(1)) for n in (1, 2)]), tag="halved"
    )
    estate.delete(index.children[0].digest)
    return index.digest


def lose_the_config(estate: Estate) -> str:
    image = estate.push("hollow", make_image([b"hollow"], config=created(1)), tag="hollow")
    estate.delete_blob(APP, image.config_digest)
    return image.digest


@pytest.mark.parametrize("lose", [lose_a_child, lose_the_config])
def test_a_broken_image_stays_unless_the_policy_lets_it_go_and_then_it_goes(
    estate: Estate, lose: Callable[[Estate], str]
) -> None:
    broken = lose(estate)
    plan = estate.plan()
    assert broken not in {entry.digest for entry in plan.entries}
    assert plan.broken_kept == 1
    with estate.connections() as connections:
        reasons = decide_now(connections, REGISTRY).reasons_of(APP, broken)
    assert reasons[0].startswith("could not be put back: its ")

    estate.configure(policies=EVICT)
    plan = estate.plan()
    (entry,) = [entry for entry in plan.entries if entry.digest == broken]
    assert entry.broken
    assert plan.broken_evicted == 1
    estate.execute(plan)
    assert estate.journal(plan)[APP, broken] == "deleted"
    assert not estate.stored(broken)


def test_in_use_it_stays_however_the_policy_is(estate: Estate) -> None:
    broken = lose_a_child(estate)
    estate.configure(policies=EVICT)
    estate.use(f"{APP}:v3", f"{APP}:halved")
    assert broken not in {entry.digest for entry in estate.plan().entries}


def test_while_a_tag_leads_to_a_manifest_of_another_digest_its_repository_stays(tmp_path: Path) -> None:
    """Nothing proves which image such a tag names."""
    with DockerRegistry(tmp_path / "registry") as registry:
        estate = build(tmp_path / "site", registry.url)
        estate.configure(policies=EVICT)
        torn = estate.push("torn", make_image([b"torn"], config=created(1)), tag="torn").digest
        file = registry.storage / "docker/registry/v2/blobs/sha256" / torn[7:9] / torn[7:] / "data"
        file.write_bytes(file.read_bytes() + b"\n")
        assert {entry.repository for entry in estate.plan().entries} == {TOOLS}


def test_a_manifest_that_does_not_parse_is_kept_byte_for_byte_before_it_goes() -> None:
    document = b"no manifest"
    entry = Entry("delete", APP, digest_of(document), ("v1",), None, 1, ("broken",), broken="its manifest is corrupt")
    seen = Seen(Shrunk((entry,)), Fresh(tags={}), {}, {}, {})
    (kept,) = kept_images([Placed(0, entry)], seen, {entry.digest: document})
    assert (kept.document, kept.media_type) == (document, "")


def test_the_command_line_counts_what_is_broken(embedded_estate: Estate) -> None:
    lose_a_child(embedded_estate)
    plan = embedded_estate.plan()
    short = plan.fingerprint[:12]
    site = ("--config", embedded_estate.site_file)
    shown = call(*site, "plan", "show", short)
    assert "! 1 image is broken and could not be put back, so kept" in shown.out
    explained = call(*site, "plan", "explain", f"{HOST}/{APP}:halved")
    assert "  - could not be put back: its child sha256:" in explained.out
    listed = call(*site, "plan", "list", "--json")
    assert '"broken_kept": 1' in listed.out

    embedded_estate.configure(policies=EVICT)
    plan = embedded_estate.plan()
    shown = call(*site, "plan", "show", plan.fingerprint[:12])
    assert "! 1 of the images that go is broken and could not be put back" in shown.out
    as_json = call(*site, "plan", "show", plan.fingerprint[:12], "--json")
    assert '"broken": "its child sha256:' in as_json.out
