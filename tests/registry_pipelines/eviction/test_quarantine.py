"""Quarantine: what was evicted can be put back after the registry has collected."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from registry_core.errors import PartialFailure
from registry_pipelines.eviction.restore import refuse_partial, restore_evicted
from resources.registry.client import RegistryClient
from resources.registry.quarantine import Quarantine
from tests.image_builder import (
    OCI_INDEX,
    OCI_LAYER,
    BuiltImage,
    blob_descriptor,
    canonical,
    digest_of,
    make_build_cache,
    make_image,
)
from tests.registries import DockerRegistry
from tests.registry_pipelines.eviction.estate import APP, Estate, build


def collect(registry: DockerRegistry, estate: Estate) -> None:
    """The registry's own collection, while nobody pushes; it comes back on another port."""
    registry.stop()
    command = ["docker-registry", "garbage-collect", "--delete-untagged=false", str(registry.configuration)]
    subprocess.run(command, check=True, capture_output=True)
    registry.start()
    estate.url = registry.url
    estate.configure()


def test_without_a_quarantine_the_lost_blobs_are_named(tmp_path: Path) -> None:
    with DockerRegistry(tmp_path / "registry") as registry:
        estate = build(tmp_path / "site", registry.url)
        plan = estate.plan()
        estate.execute(plan)
        collect(registry, estate)
        with estate.connections() as connections:
            restored = restore_evicted(connections, plan.fingerprint, [f"{APP}:v2"], run_id="back")
            (lost,) = [one for one in restored.lost if one.line.digest == estate.images["v2"].digest]
            assert set(lost.put_back.lost_blobs) == set(estate.images["v2"].blobs)
            with pytest.raises(PartialFailure, match="the registry has collected sha256:"):
                refuse_partial(restored)


def test_with_a_quarantine_everything_comes_back_after_collection(tmp_path: Path) -> None:
    with DockerRegistry(tmp_path / "registry") as registry:
        estate = build(tmp_path / "site", registry.url)
        estate.settings = {"quarantine": {"folder": str(tmp_path / "quarantine")}}
        estate.configure()
        before, tags = estate.contents(), estate.tags()
        plan = estate.plan()
        assert estate.execute(plan).notes == ()
        collect(registry, estate)
        with estate.connections() as connections:
            restored = restore_evicted(connections, plan.fingerprint, run_id="back")
        assert restored.lost == ()
        assert sum(one.put_back.pushed_blobs for one in restored.restored) > 10
        assert estate.contents() == before
        assert estate.tags() == tags


def test_what_was_held_long_enough_is_let_go_and_shared_blobs_stay(tmp_path: Path, embedded_estate: Estate) -> None:
    old, new = embedded_estate.images["v1 amd64"], embedded_estate.images["shared child"]
    now = datetime.now(UTC)
    with embedded_estate.connections() as connections, Quarantine(tmp_path / "q", keep=timedelta(days=30)) as held:
        client = RegistryClient(connections.registry("main"))
        for image, at in ((old, now - timedelta(days=31)), (new, now - timedelta(days=29))):
            assert held.hold(client, APP, image.digest, image.manifest_bytes, image.media_type, at=at) is None
        assert held.blob(APP, old.layer_digests[0]) is not None
        assert held.expire(now) == 1
        assert held.blob(APP, old.layer_digests[0]) is None
        assert all(held.blob(APP, blob) is not None for blob in new.blobs)
        # Evicted again, it is held from then on.
        held.hold(client, APP, new.digest, new.manifest_bytes, new.media_type, at=now)
        assert held.expire(now + timedelta(days=2)) == 0


def test_an_index_that_lists_blobs_is_held_with_them_and_comes_back(tmp_path: Path) -> None:
    old = {"org.opencontainers.image.created": "2020-01-01T00:00:00Z"}
    cache = make_build_cache([b"cached layer"], annotations=old)
    with DockerRegistry(tmp_path / "registry") as registry:
        estate = build(tmp_path / "site", registry.url)
        estate.settings = {"quarantine": {"folder": str(tmp_path / "quarantine")}}
        estate.configure()
        estate.push("cache", cache, tag="cache")
        plan = estate.plan()
        assert cache.digest in {entry.digest for entry in plan.entries}
        assert estate.execute(plan).notes == ()
        collect(registry, estate)
        with estate.connections() as connections:
            restored = restore_evicted(connections, plan.fingerprint, [f"{APP}:cache"], run_id="back")
        assert restored.lost == ()
        assert estate.tags()["cache"] == cache.digest


def test_a_mixed_index_is_held_for_its_blobs_alone_and_let_go_with_them(
    tmp_path: Path, embedded_estate: Estate
) -> None:
    child, layer = make_image([b"listed"]), b"beside"
    document = {"schemaVersion": 2, "manifests": [child.descriptor, blob_descriptor(layer, OCI_LAYER)]}
    index = BuiltImage(canonical(document), OCI_INDEX, {digest_of(layer): layer}, children=(child,))
    embedded_estate.push("mixed", index, tag="mixed")
    now = datetime.now(UTC)
    with embedded_estate.connections() as connections, Quarantine(tmp_path / "q", keep=timedelta(days=30)) as held:
        client = RegistryClient(connections.registry("main"))
        assert held.hold(client, APP, index.digest, index.manifest_bytes, index.media_type, at=now) is None
        assert held.blob(APP, digest_of(layer)) is not None
        assert held.expire(now + timedelta(days=31)) == 1
        assert held.blob(APP, digest_of(layer)) is None
