"""Collection: told before, confirmed by name, refused while pushes are possible, measured."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from registry_core.errors import ClusterError, PartialFailure, Refused
from registry_pipelines.eviction.collection import bytes_to_collect, collect, how_to_collect
from resources.clusters.pod_commands import CommandOutput
from tests.registries import DockerRegistry
from tests.registry_pipelines.eviction.estate import REGISTRY, Estate, build

READ_ONLY = {"maintenance": {"uploadpurging": {"enabled": False}, "readonly": {"enabled": True}}}


@dataclass
class BesideTheRegistry:
    """Runs commands where the registry's storage is: here, as the pod would."""

    def run(self, command: Sequence[str]) -> CommandOutput:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return CommandOutput(done.returncode, tuple((done.stdout + done.stderr).splitlines()))


def configure(estate: Estate, registry: DockerRegistry, **changes: object) -> None:
    estate.url = registry.url
    estate.settings = {
        "collection": {
            "cluster": "production",
            "command": ["docker-registry", "garbage-collect", str(registry.configuration)],
            "storage": str(registry.storage),
            **changes,
        }
    }
    estate.configure()


def test_the_registry_frees_what_was_told_before(tmp_path: Path) -> None:
    with DockerRegistry(tmp_path / "registry") as registry:
        estate = build(tmp_path / "site", registry.url)
        plan = estate.plan()
        estate.execute(plan)
        blobs = registry.storage / "docker" / "registry" / "v2" / "blobs"
        before = sum(file.stat().st_size for file in blobs.rglob("data"))
        with estate.connections() as connections:
            told = bytes_to_collect(connections, plan.fingerprint)
    with DockerRegistry(tmp_path / "registry", settings={"storage": READ_ONLY}) as registry:
        configure(estate, registry)
        left = estate.contents()
        with estate.connections() as connections:
            collected = collect(connections, REGISTRY, confirmed=REGISTRY, runs=BesideTheRegistry())
        assert collected.freed_bytes > 0
        assert before - sum(file.stat().st_size for file in blobs.rglob("data")) == told > 0
        assert estate.contents() == left


def test_it_is_refused_while_pushes_are_possible_unless_told_otherwise(tmp_path: Path) -> None:
    with DockerRegistry(tmp_path / "registry") as registry:
        estate = build(tmp_path / "site", registry.url)
        estate.survey()
        tags = estate.tags()
        configure(estate, registry)
        with estate.connections() as connections, pytest.raises(Refused, match="refused while it takes pushes"):
            collect(connections, REGISTRY, confirmed=REGISTRY, runs=BesideTheRegistry())
        assert estate.tags() == tags
        configure(estate, registry, allow_pushes=True)
        with estate.connections() as connections:
            collect(connections, REGISTRY, confirmed=REGISTRY, runs=BesideTheRegistry())


def test_it_needs_the_name_of_the_registry_typed(embedded_estate: Estate) -> None:
    embedded_estate.settings = {"collection": {"cluster": "production"}}
    embedded_estate.configure()
    with embedded_estate.connections() as connections:
        with pytest.raises(Refused, match="type the registry's name, 'main'"):
            collect(connections, REGISTRY, confirmed="yes", runs=BesideTheRegistry())
        assert "kubectl exec -n default" in how_to_collect(connections, REGISTRY)


def test_without_configuration_the_exact_command_is_told(embedded_estate: Estate) -> None:
    told = r"registry garbage-collect /etc/docker/registry/config\.yml"
    with embedded_estate.connections() as connections, pytest.raises(Refused, match=told):
        collect(connections, REGISTRY, confirmed=REGISTRY)


def test_a_command_that_fails_and_a_folder_that_is_not_there_are_told(tmp_path: Path) -> None:
    with DockerRegistry(tmp_path / "registry", settings={"storage": READ_ONLY}) as registry:
        (tmp_path / "site").mkdir()
        estate = Estate(tmp_path / "site", registry.url)
        estate.use("elsewhere/app:1")
        estate.configure()
        estate.survey()
        configure(estate, registry, command=["docker-registry", "garbage-collect", "/nowhere.yml"])
        registry.storage.mkdir(exist_ok=True)
        with estate.connections() as connections, pytest.raises(PartialFailure, match="ended with status 1"):
            collect(connections, REGISTRY, confirmed=REGISTRY, runs=BesideTheRegistry())
        configure(estate, registry, storage=str(tmp_path / "nowhere"))
        with estate.connections() as connections, pytest.raises(ClusterError, match=r"set `collection\.storage`"):
            collect(connections, REGISTRY, confirmed=REGISTRY, runs=BesideTheRegistry())
