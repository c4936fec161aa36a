"""Tags of the destination that point elsewhere: never touched in silence."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_core.copying import CopyPlan, ImageCopy, MissingBlob, PlannedCopy, TravelCount, rule_tag
from resources.embedded_registry import EmbeddedRegistry
from resources.registry.copying import Copier
from tests.image_builder import cosign_tag, make_cosign_signature, make_image, push
from tests.registries import DockerRegistry
from tests.resources.registry.conftest import connection_to
from tests.resources.registry.copying.conftest import copier, copy_one, manifest_at, same
from tests.resources.registry.copying.weir import Fault, Weir

_OURS, _THEIRS = make_image([b"ours"]), make_image([b"theirs"])


@pytest.fixture
def contested(embedded_registry: EmbeddedRegistry, docker_registry: DockerRegistry) -> None:
    push(embedded_registry, "app", _OURS, "v1")
    push(docker_registry, "app", _THEIRS, "v1")


@pytest.mark.usefixtures("contested")
@pytest.mark.parametrize(("rule", "ruling"), [("refuse", "refused"), ("keep", "kept")])
def test_a_tag_that_points_elsewhere_stays_and_nothing_is_written(
    embedded_registry: EmbeddedRegistry, weir: Weir, docker_registry: DockerRegistry, rule: str, ruling: str
) -> None:
    outcome = copy_one(embedded_registry, weir, same("app", "v1"), on_conflict=rule)
    assert outcome.word == "conflict"
    (conflict,) = outcome.conflicts
    assert (conflict.tag, conflict.there, conflict.wanted) == ("v1", _THEIRS.digest, _OURS.digest)
    assert conflict.ruling == ruling
    assert {method for method, _ in weir.asked} <= {"GET", "HEAD"}
    assert manifest_at(docker_registry, "app", "v1") == _THEIRS.manifest_bytes


@pytest.mark.usefixtures("contested")
def test_a_tag_is_overwritten_only_where_that_is_the_rule_and_it_is_told(
    embedded_registry: EmbeddedRegistry, docker_registry: DockerRegistry
) -> None:
    outcome = copy_one(embedded_registry, docker_registry, same("app", "v1"), on_conflict="overwrite")
    assert (outcome.word, outcome.conflicts[0].ruling) == ("copied", "overwritten")
    assert _THEIRS.digest in outcome.detail
    assert manifest_at(docker_registry, "app", "v1") == _OURS.manifest_bytes


@pytest.mark.usefixtures("contested")
def test_a_signature_tag_is_a_tag_too(embedded_registry: EmbeddedRegistry, docker_registry: DockerRegistry) -> None:
    tag = cosign_tag(_OURS)
    push(embedded_registry, "app", make_cosign_signature(_OURS), tag)
    push(docker_registry, "app", _THEIRS, tag)
    outcome = copy_one(embedded_registry, docker_registry, ImageCopy("app", "v1", "app", "other"))
    assert (outcome.word, [conflict.tag for conflict in outcome.conflicts]) == ("conflict", [tag])
    assert manifest_at(docker_registry, "app", "other") is None


@pytest.mark.usefixtures("contested")
def test_one_conflict_and_one_bad_image_stop_no_other(
    embedded_registry: EmbeddedRegistry, docker_registry: DockerRegistry
) -> None:
    push(embedded_registry, "app", make_image([b"good"]), "v2")
    images = [same("app", "v1"), same("app", "vanished"), same("nothing", "v1"), same("app", "v2")]
    found = copier(embedded_registry, docker_registry)
    plan = found.plan(images)
    assert [line.word for line in plan.images] == ["conflict", "unreadable", "unreadable", "copy"]
    assert [line.fault for line in plan.images] == [None, "missing", "missing", None]
    words = {str(outcome.image): outcome.word for outcome in found.copy(images)}
    assert words == {
        "app:v1": "conflict",
        "app:vanished": "failed",
        "nothing:v1": "failed",
        "app:v2": "copied",
    }


def test_a_tag_that_moves_while_we_copy_is_a_conflict(
    embedded_registry: EmbeddedRegistry, docker_registry: DockerRegistry, weir: Weir
) -> None:
    """The tag is free when we look, and taken when we want to write it."""
    push(embedded_registry, "app", _OURS, "v1")

    def somebody_pushes(method: str, path: str) -> bool:
        if method == "POST":
            push(docker_registry, "app", _THEIRS, "v1")
        return False

    weir.faults.append(Fault(somebody_pushes))
    assert copy_one(embedded_registry, weir, same("app", "v1")).word == "conflict"
    assert manifest_at(docker_registry, "app", "v1") == _THEIRS.manifest_bytes


def test_the_plan_says_what_the_copy_does(embedded_registry: EmbeddedRegistry, docker_registry: DockerRegistry) -> None:
    shared = bytes(100_000)
    images = []
    for at in range(4):
        push(embedded_registry, f"team/app-{at}", make_image([shared, b"own %d" % at]), "v1")
        images.append(same(f"team/app-{at}", "v1"))
    copying = copier(embedded_registry, docker_registry)
    plan = copying.plan(images)
    outcomes = list(copying.copy(images))
    assert plan.travel_bytes == sum(outcome.sent_bytes for outcome in outcomes)
    assert plan.mounts == sum(outcome.mounted_blobs for outcome in outcomes) == 3
    again = copying.plan(images)
    assert {line.word for line in again.images} == {"already there"}
    assert (again.travel_bytes, again.mounts) == (0, 0)


def test_a_catalog_that_knows_where_a_blob_is_saves_sending_it(
    embedded_registry: EmbeddedRegistry, docker_registry: DockerRegistry
) -> None:
    push(embedded_registry, "app", _OURS, "v1")
    push(docker_registry, "elsewhere", _OURS, "v9")
    (outcome,) = Copier(
        connection_to(embedded_registry.url), connection_to(docker_registry.url), holders=lambda _: ("elsewhere",)
    ).copy([same("app", "v1")])
    assert (outcome.word, outcome.sent_bytes, outcome.mounted_blobs) == ("copied", 0, 2)


def test_a_catalog_that_is_wrong_costs_nothing_but_the_question(
    embedded_registry: EmbeddedRegistry, docker_registry: DockerRegistry
) -> None:
    push(embedded_registry, "app", _OURS, "v1")
    (outcome,) = Copier(
        connection_to(embedded_registry.url), connection_to(docker_registry.url), holders=lambda _: ("no/such",)
    ).copy([same("app", "v1")])
    assert (outcome.word, outcome.sent_blobs) == ("copied", 2)


@given(st.sampled_from(["refuse", "overwrite", "keep"]), st.sampled_from([None, "a", "b"]))
def test_no_rule_touches_a_tag_that_points_elsewhere_unless_it_says_overwrite(rule: str, there: str | None) -> None:
    ruling = rule_tag("v1", there, "a", rule)  # type: ignore[arg-type]
    assert (ruling == "overwritten") == (there == "b" and rule == "overwrite")
    assert (ruling == "write") == (there is None)
    assert (ruling == "there") == (there == "a")


@given(
    st.sampled_from(["refuse", "overwrite", "keep"]),
    st.sampled_from([None, "a", "b", "c"]),
    st.lists(st.tuples(st.sampled_from(["v1", "v2"]), st.sampled_from("abc")), max_size=4),
)
def test_only_what_somebody_agreed_to_lose_is_overwritten(
    rule: str, there: str | None, agreed: list[tuple[str, str]]
) -> None:
    ruling = rule_tag("v1", there, "a", rule, tuple(agreed))  # type: ignore[arg-type]
    assert (ruling == "overwritten") == (there in ("b", "c") and rule == "overwrite" and ("v1", there) in agreed)


@given(st.lists(st.tuples(st.sampled_from("rs"), st.sampled_from("abcd"), st.booleans()), max_size=20))
def test_a_plan_sends_each_blob_once_at_most_and_lands_it_everywhere(wanted: list[tuple[str, str, bool]]) -> None:
    sizes = {"a": 1, "b": 10, "c": 100, "d": 1000}
    lines = [
        PlannedCopy(
            image=ImageCopy("x", "v", repository, "v"),
            word="copy",
            missing_blobs=(MissingBlob(repository, digest, sizes[digest], elsewhere),),
        )
        for repository, digest, elsewhere in wanted
    ]
    count = TravelCount()
    plan = CopyPlan(tuple(count.counted(line) for line in lines))
    sent = [line.missing_blobs[0].digest for line in plan.images if line.travel_bytes]
    assert len(sent) == len(set(sent))
    places = {(repository, digest) for repository, digest, _ in wanted}
    assert len(sent) + plan.mounts == len(places)
