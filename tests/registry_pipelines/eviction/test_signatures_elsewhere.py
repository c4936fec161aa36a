"""Signatures in a repository of their own go after the image that they are about, or stay with it."""

from __future__ import annotations

from tests.image_builder import BuiltImage, cosign_tag, make_cosign_signature, push
from tests.registry_pipelines.eviction.estate import APP, Estate

SIGNATURES = "team/signatures"


def sign_elsewhere(estate: Estate, name: str) -> BuiltImage:
    image = estate.images[name]
    signature = make_cosign_signature(image)
    push(estate.url, SIGNATURES, signature, cosign_tag(image))
    return signature


def test_the_signature_goes_in_the_run_in_which_its_subject_went(estate: Estate) -> None:
    goes, stays = sign_elsewhere(estate, "v2"), sign_elsewhere(estate, "v3")
    plan = estate.plan()
    assert [entry.digest for entry in plan.entries if entry.repository == SIGNATURES] == [goes.digest]
    assert estate.execute(plan).record.state == "done"
    assert estate.journal(plan)[SIGNATURES, goes.digest] == "deleted"
    assert not estate.stored(goes.digest, SIGNATURES)
    assert estate.stored(stays.digest, SIGNATURES)


def test_the_signature_is_spared_with_its_subject(estate: Estate) -> None:
    signature = sign_elsewhere(estate, "v2")
    plan = estate.plan()
    push(estate.url, APP, estate.images["v2"], "release")
    estate.execute(plan)
    journal = estate.journal(plan)
    assert journal[APP, estate.images["v2"].digest].startswith("spared")
    assert journal[SIGNATURES, signature.digest] == (
        f"spared: it refers to {APP}@{estate.images['v2'].digest}, which is not gone yet"
    )
    assert estate.stored(signature.digest, SIGNATURES)
