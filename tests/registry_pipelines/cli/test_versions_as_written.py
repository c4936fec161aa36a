"""Versions as vendors and teams write them, from a registry to the plan and the report (cases 07 and 08)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from resources.embedded_registry import EmbeddedRegistry
from tests.image_builder import make_image, push
from tests.kubernetes import workload
from tests.registry_pipelines.cli.calling import Ended, call

HOST = "registry.example.com"
ABSENT = [
    *(f"apps/v1 {kind}s" for kind in ("deployment", "replicaset", "statefulset", "daemonset")),
    "batch/v1 jobs",
    "v1 pods",
]


class Registry:
    """A registry with an image for each tag, pushed in the order given, and CronJobs that want some of them."""

    def __init__(self, root: Path, registry: EmbeddedRegistry, tags: dict[str, list[str]], wanted: list[str]) -> None:
        self.site_file = root / "registry_pipelines.yaml"
        for repository, names in tags.items():
            for number, tag in enumerate(names):
                image = make_image((f"{repository}:{tag}".encode(),), {"created": f"2026-01-{number + 1:02}T00:00:00Z"})
                push(registry.url, repository, image, tag)
        items = [workload("CronJob", f"job-{number}", f"{HOST}/{one}") for number, one in enumerate(wanted)]
        (root / "dump").mkdir()
        listed = json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
        (root / "dump" / "all.json").write_text(listed)
        self.site: dict[str, Any] = {
            "clusters": {"prod": {"dump": str(root / "dump"), "may_be_missing": ABSENT}},
            "registries": {"here": {"url": registry.url, "hosts": [HOST]}},
            "limits": {"max_evicted_share": 1.0, "min_images_in_use": 0},
        }

    def run(self, *arguments: str, **sections: Any) -> Ended:
        self.site_file.write_text(yaml.safe_dump({**self.site, **sections}))
        return call("--config", self.site_file, *arguments)

    def survey(self) -> None:
        for command in ("inventory", "catalog"):
            ended = self.run(command)
            assert ended.code == 0, ended.err

    def versions(self, **settings: Any) -> dict[str, dict[str, Any]]:
        shown = self.run("versions", "--json", **({"versions": settings} if settings else {}))
        return {row["repository"].removeprefix("here/"): row for row in json.loads(shown.out)}


def behind(row: dict[str, Any]) -> tuple[int, str | None, str]:
    (one,) = row["deployed"]
    return one["behind"], one["kind"], row["newest"][0]["tag"]


def test_revisions_are_counted_by_their_number(tmp_path: Path, embedded_registry: EmbeddedRegistry) -> None:
    """Case 07."""
    tags = {
        "a/rc": ["v1.4.0-rc8", "v1.4.0-rc9", "v1.4.0-rc10", "v1.4.0-rc11"],
        "a/rev": ["7.4.0-debian-12-r9", "7.4.0-debian-12-r10"],
        "lsio/wireguard": ["v1.0.20200827-ls30", "v1.0.20200827-ls31", "v1.0.20200827-ls100"],
    }
    there = Registry(tmp_path, embedded_registry, tags, ["a/rev:7.4.0-debian-12-r9"])
    there.survey()
    versions = there.versions()
    assert behind(versions["a/rev"]) == (1, "revision", "7.4.0-debian-12-r10")
    assert versions["lsio/wireguard"]["newest"][0]["tag"] == "v1.0.20200827-ls100"
    assert versions["a/rc"]["newest"][0]["tag"] == "v1.4.0-rc11"

    policies = [
        {"repositories": ["a/rc"], "keep_versions": {"pattern": "v{semver}", "last": 1, "prereleases": True}},
        {"repositories": ["**"], "keep_versions": {"pattern": "{semver}", "last": 1, "prereleases": True}},
    ]
    made = there.run("plan", "make", "--json", policies=policies)
    assert made.code == 0, made.err
    (plan,) = json.loads(made.out)
    shown = json.loads(there.run("plan", "show", plan["fingerprint"], "--json", policies=policies).out)
    assert {tag for row in shown for tag in row["tags"]} == {
        *("v1.4.0-rc8", "v1.4.0-rc9", "v1.4.0-rc10"),
        *tags["lsio/wireguard"],  # not of the pattern
    }


def test_a_version_is_compared_within_its_variant(tmp_path: Path, embedded_registry: EmbeddedRegistry) -> None:
    """Case 08."""
    tags = {
        "app/redis": ["7.2.4", "7.2.4-alpine", "7.2.5", "7.2.5-alpine"],
        "lib/postgres": ["16.3", "16.4", "16.10", "17.0", "16", "17", "latest"],
        "helm/chart": ["1.2.3_build.1", "1.2.3_build.2", "1.2.4"],
    }
    wanted = ["app/redis:7.2.4-alpine", "lib/postgres:16.4", "helm/chart:1.2.3_build.1"]
    there = Registry(tmp_path, embedded_registry, tags, wanted)
    there.survey()
    for settings in ({}, {"prereleases": True}):
        versions = there.versions(**settings)
        assert behind(versions["app/redis"]) == (1, "patch", "7.2.5-alpine")
        assert behind(versions["lib/postgres"]) == (2, "major", "17.0")
        assert "16.10 is a newer minor version of 16.4" in str(versions["lib/postgres"]["looks"])
        assert behind(versions["helm/chart"]) == (2, "patch", "1.2.4")
        assert [one["tag"] for one in versions["helm/chart"]["newest"]] == ["1.2.4", "1.2.3_build.2", "1.2.3_build.1"]
