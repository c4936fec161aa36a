"""A repository that cannot be read keeps all that it holds, and keeps the others from nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from assets.taking.catalog import take_catalog
from assets.taking.plan import take_plan
from registry_core.errors import IncompleteSnapshot, PartialFailure
from registry_core.eviction import Plan
from registry_core.eviction_summary import summarise
from tests.image_builder import BuiltImage, cosign_tag, make_cosign_signature, make_image
from tests.registries import DockerRegistry
from tests.registry_pipelines.eviction.estate import APP, REGISTRY, TOOLS, Estate, created
from tests.registry_pipelines.eviction.meddler import Deed, Meddler, Rule

SIGNATURES = "team/signatures"
LIMITS = {"min_images_in_use": 1, "max_evicted_share": 1.0, "max_unread_share": 0.5}


def forbids(repository: str) -> Rule:
    deed = Deed(403, "DENIED")
    return lambda _method, path, _count: deed if path.startswith(f"/v2/{repository}/") else None


@pytest.fixture
def estate(tmp_path: Path, docker_registry: DockerRegistry) -> Estate:
    """Two repositories with three images each, of which the newest stays."""
    made = Estate(tmp_path, docker_registry.url)
    for repository in (APP, TOOLS):
        for number in range(1, 4):
            image = make_image([f"{repository} {number}".encode()], config=created(number))
            made.push(f"{repository}:v{number}", image, repository, f"v{number}")
    made.use(f"{APP}:v3")
    made.configure(limits=LIMITS)
    return made


def plan(estate: Estate) -> Plan:
    with estate.connections() as connections:
        return take_plan(connections, REGISTRY).plan


def going(made: Plan, estate: Estate) -> set[str]:
    names = {(entry.repository, entry.digest) for entry in made.entries}
    return {name for name, image in estate.images.items() if (name.partition(":")[0], image.digest) in names}


def test_an_unread_repository_is_named_and_kept_and_the_others_are_planned_and_carried_out(estate: Estate) -> None:
    with Meddler(estate.url, forbids(TOOLS)) as between:
        estate.configure(url=between.url, limits=LIMITS)
        made = estate.plan()
        assert going(made, estate) == {f"{APP}:v1", f"{APP}:v2"}
        assert set(made.unread) == {TOOLS}
        assert made.unread[TOOLS].startswith("forbidden: ")
        assert (
            "1 repository was not read whole, so all of it stays: team/tools (forbidden:" in summarise(made).unusual[0]
        )
        assert Plan.from_json(made.to_bytes(), expected=made.fingerprint).unread == made.unread
        assert estate.execute(made).counts["deleted"] == 2
    assert all(estate.stored(estate.images[f"{TOOLS}:v{number}"].digest, TOOLS) for number in (1, 2, 3))


def test_what_was_known_of_a_repository_before_it_could_not_be_read_stays(estate: Estate) -> None:
    estate.survey()
    assert going(plan(estate), estate) == {f"{name}:v{number}" for name in (APP, TOOLS) for number in (1, 2)}
    with Meddler(estate.url, forbids(TOOLS)) as between:
        estate.configure(url=between.url, limits=LIMITS)
        estate.survey()
        made = plan(estate)
        assert going(made, estate) == {f"{APP}:v1", f"{APP}:v2"}
        assert made.kept["in a repository that was not read whole, so kept"] == 3
    estate.configure(limits=LIMITS)
    estate.survey()
    assert plan(estate).unread == {}


def test_a_repository_that_cannot_be_read_when_the_plan_is_carried_out_is_spared(estate: Estate) -> None:
    with Meddler(estate.url) as between:
        estate.configure(url=between.url, limits=LIMITS)
        made = estate.plan()
        between.rule = forbids(TOOLS)
        with estate.connections() as connections:
            take_catalog(connections, REGISTRY)
        with pytest.raises(PartialFailure, match="2 of 4 entries are not done"):
            estate.execute(made)
    outcomes = {(repository, outcome.partition(":")[0]) for (repository, _), outcome in estate.journal(made).items()}
    assert outcomes == {(APP, "deleted"), (TOOLS, "failed")}
    assert all(estate.stored(estate.images[f"{TOOLS}:v{number}"].digest, TOOLS) for number in (1, 2, 3))


def test_more_unread_repositories_than_the_limit_refuse_the_plan(estate: Estate) -> None:
    with Meddler(estate.url, forbids(TOOLS)) as between:
        estate.configure(url=between.url, limits={**LIMITS, "max_unread_share": 0.49})
        estate.survey()
        with pytest.raises(IncompleteSnapshot, match=r"1 of 2 repositories \(50\.0%\) were not read") as refused:
            plan(estate)
        assert refused.value.exit_code == 5


def test_an_unread_list_of_repositories_refuses_the_plan(estate: Estate) -> None:
    deed = Deed(503, "UNAVAILABLE")
    with Meddler(estate.url, lambda _m, path, _c: deed if path.startswith("/v2/_catalog") else None) as between:
        estate.configure(url=between.url, limits={**LIMITS, "max_unread_share": 1})
        estate.survey()
        with pytest.raises(IncompleteSnapshot, match="what repositories there are is not known"):
            plan(estate)


def test_a_signature_stays_whose_subject_may_be_in_the_repository_that_was_not_read(
    estate: Estate, tmp_path: Path
) -> None:
    subject: BuiltImage = make_image([b"signed"], config=created(9))
    estate.push(f"{TOOLS}:signed", subject, TOOLS, "signed")
    signature = make_cosign_signature(subject)
    estate.push("signature", signature, SIGNATURES, cosign_tag(subject))
    with Meddler(estate.url, forbids(TOOLS)) as between:
        estate.configure(url=between.url, limits=LIMITS)
        made = estate.plan()
        assert set(made.unread) == {TOOLS}
        assert signature.digest not in {entry.digest for entry in made.entries}
