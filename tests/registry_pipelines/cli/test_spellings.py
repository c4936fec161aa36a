"""One registry under every name that is written for it: what a workload uses is used, whatever the spelling."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from registry_core.media_types import MANIFEST_ACCEPT
from resources.embedded_registry import EmbeddedRegistry
from tests.image_builder import BuiltImage, make_image, push
from tests.kubernetes import workload
from tests.registries import DockerRegistry
from tests.registry_pipelines.cli.calling import Ended, call

HOST = "registry.example.com"
REPORT = "team/report"
ALSO_KNOWN_AS = [
    {"prefix": f"localhost:7439/{HOST}"},
    {"prefix": "harbor.example.com/proxy-old", "of": "Registry.Example.com:443"},
    {"prefix": "harbor.example.com", "of": "elsewhere.example.com"},
    {"prefix": "mirror.example.com", "of": "old"},
]
ABSENT = [
    *(f"apps/v1 {kind}s" for kind in ("deployment", "replicaset", "statefulset", "daemonset")),
    "batch/v1 jobs",
]

#: Written before `/team/report:build-1`, all of them names of the registry at registry.example.com.
SPELLINGS = [
    "Registry.Example.com",
    "registry.example.com:443",
    "REGISTRY.EXAMPLE.COM:443",
    f"localhost:7439/{HOST}",
    f"LocalHost:7439/{HOST}",
    f"127.0.0.1:7439/{HOST}",
    "harbor.example.com/proxy-old",
    "Harbor.example.com:443/proxy-old",
    "mirror.example.com",
]

#: Names of other registries and repositories, however much they look like it.
OTHERS = [
    "registry.example.com:5000",
    "registry.example.com:80",
    "registry.example.org",
    f"localhost:7440/{HOST}",
    f"localhost:7439/{HOST}x",
    "harbor.example.com/proxy-olds",
    "harbor.example.com",
]


class Shop:
    """A registry with three reports and a service, and a cluster where a CronJob that never ran wants one report."""

    def __init__(self, root: Path, url: str) -> None:
        self.root, self.url = root, url
        self.images: dict[str, BuiltImage] = {}
        for month in (1, 2, 3):
            self._push(f"build-{month}", f"2026-{month:02}-01T00:00:00Z")
        self.service = make_image((b"service",))
        push(url, "team/service", self.service, "1")

    def _push(self, tag: str, created: str) -> None:
        self.images[tag] = make_image((tag.encode(),), {"created": created})
        push(self.url, REPORT, self.images[tag], tag)

    def uses(self, image: str, *more: dict[str, Any]) -> None:
        """A running service, and the CronJob."""
        pod = workload("Pod", "service", f"{HOST}/team/service:1")
        status = {"name": "main", "image": "x", "imageID": f"{HOST}/team/service@{self.service.digest}", "ready": True}
        pod["status"] = {"phase": "Running", "containerStatuses": [{**status, "state": {"running": {}}}]}
        pod["spec"]["nodeName"] = "node-1"
        system = {"nodeInfo": {"operatingSystem": "linux", "architecture": "amd64"}}
        node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node-1"}, "status": system}
        items = [pod, workload("CronJob", "monthly", image), node, *more]
        folder = self.root / "dump"
        folder.mkdir(exist_ok=True)
        (folder / "all.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))

    def configure(self, **sections: Any) -> None:
        site = {
            "clusters": {"prod": {"dump": str(self.root / "dump"), "may_be_missing": ABSENT}},
            "registries": {"old": {"url": self.url, "hosts": [HOST], "also_known_as": ALSO_KNOWN_AS, "retries": 0}},
            "policies": [{"repositories": ["**"], "keep_last": 1}],
            "limits": {"max_evicted_share": 1.0, "min_images_in_use": 1},
            **sections,
        }
        self.site_file.write_text(yaml.safe_dump(site))

    @property
    def site_file(self) -> Path:
        return self.root / "registry_pipelines.yaml"

    def run(self, *arguments: str) -> Ended:
        return call("--config", self.site_file, *arguments)

    def survey(self) -> None:
        for command in ("inventory", "catalog"):
            assert self.run(command).code == 0

    def planned(self) -> set[str]:
        """Tags that the plan made now would delete."""
        self.survey()
        made = self.run("plan", "make", "--json")
        assert made.code == 0, made.err
        shown = self.run("plan", "show", json.loads(made.out)[0]["fingerprint"], "--json")
        return {tag for row in json.loads(shown.out) for tag in row["tags"]}


@pytest.fixture
def shop(tmp_path: Path, embedded_registry: EmbeddedRegistry) -> Shop:
    made = Shop(tmp_path, embedded_registry.url)
    made.configure()
    return made


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_an_image_that_is_wanted_under_any_name_of_its_registry_stays(shop: Shop, spelling: str) -> None:
    shop.uses(f"{spelling}/{REPORT}:build-1")
    assert shop.planned() == {"build-2"}
    assert "in use by prod/shop/monthly" in shop.run("plan", "explain", f"{HOST}/{REPORT}:build-1").out


@pytest.mark.parametrize("spelling", OTHERS)
def test_an_image_of_another_registry_keeps_nothing_here(shop: Shop, spelling: str) -> None:
    shop.uses(f"{spelling}/{REPORT}:build-1")
    assert shop.planned() == {"build-1", "build-2"}


def test_a_proxied_image_is_in_use_at_the_proxy_and_at_its_origin(shop: Shop, tmp_path: Path) -> None:
    with EmbeddedRegistry(tmp_path / "hub", durable=False) as hub:
        for tag in ("build-1", "build-2", "build-3"):
            push(shop.url, "proxy-hub/library/report", shop.images[tag], tag)
            push(hub.url, "library/report", shop.images[tag], tag)
        also = [{"prefix": "harbor.example.com/proxy-hub", "of": "index.docker.io"}]
        shop.configure(
            registries={
                "harbor": {"url": shop.url, "hosts": [HOST, "harbor.example.com"], "also_known_as": also},
                "hub": {"url": hub.url, "hosts": ["docker.io"]},
            },
            policies=[{"repositories": ["**/report"], "keep_tags": ["none"]}],
        )
        shop.uses("harbor.example.com/proxy-hub/library/report:build-1")
        shop.survey()
        for registry, repository in (("harbor", "proxy-hub/library/report"), ("hub", "library/report")):
            made = shop.run("plan", "make", registry, "--json")
            assert made.code == 0, made.err
            shown = json.loads(shop.run("plan", "show", json.loads(made.out)[0]["fingerprint"], "--json").out)
            going = {tag for one in shown if one["repository"] == repository for tag in one["tags"]}
            assert going == {"build-2", "build-3"}, registry


def test_a_digest_alone_is_found_under_a_rewritten_name(shop: Shop) -> None:
    shop.uses(f"localhost:7439/{HOST}/{REPORT}@{shop.images['build-1'].digest}")
    assert shop.planned() == {"build-2"}
    (use,) = json.loads(shop.run("usage", f"{HOST}/{REPORT}:build-1", "--json").out)
    assert (use["owner_name"], use["match"]) == ("monthly", "digest"), "and it is no use of the same bytes elsewhere"


def test_a_pod_whose_status_names_the_rewritten_name_uses_the_original(shop: Shop) -> None:
    pod = workload("Pod", "report", f"localhost:7439/{HOST}/{REPORT}:build-1")
    digest = shop.images["build-2"].digest  # what the tag named when the pod started
    status = {"name": "main", "image": f"localhost:7439/{HOST}/{REPORT}:build-1", "ready": True}
    status |= {"imageID": f"localhost:7439/{HOST}/{REPORT}@{digest}", "state": {"running": {}}}
    pod["status"] = {"phase": "Running", "containerStatuses": [status]}
    shop.uses(f"{HOST}/{REPORT}:build-3", pod)
    assert shop.planned() == set()
    uses = json.loads(shop.run("usage", f"{HOST}/{REPORT}", "--json").out)
    assert {(use["owner_name"], use["digest"], use["match"]) for use in uses} == {
        ("monthly", shop.images["build-3"].digest, "tag"),
        ("report", shop.images["build-1"].digest, "tag"),
        ("report", digest, "running digest"),
    }


@pytest.mark.parametrize("spelling", [SPELLINGS[0], SPELLINGS[1], SPELLINGS[3]])
def test_a_pod_that_waits_under_another_name_is_a_finding(shop: Shop, spelling: str) -> None:
    image = f"{spelling}/{REPORT}:build-9"
    pod = workload("Pod", "waits", image)
    waiting = {"waiting": {"reason": "ImagePullBackOff", "message": "not found"}}
    pod["status"] = {"phase": "Pending", "containerStatuses": [{"name": "main", "image": image, "state": waiting}]}
    shop.uses(f"{HOST}/{REPORT}:build-1", pod)
    shop.survey()
    checked = shop.run("check", "old", "--json")
    assert checked.code == 1, checked.err
    (finding,) = json.loads(checked.out)
    assert (finding["kind"], finding["repository"], finding["tag"]) == ("missing", REPORT, "build-9")


@pytest.mark.parametrize("spelling", [SPELLINGS[0], SPELLINGS[1], SPELLINGS[3], SPELLINGS[6]])
def test_every_command_knows_the_image_by_its_original_name(shop: Shop, spelling: str, tmp_path: Path) -> None:
    with EmbeddedRegistry(tmp_path / "new", durable=False) as new:
        shop.configure(
            registries={
                "old": {"url": shop.url, "hosts": [HOST], "also_known_as": ALSO_KNOWN_AS, "retries": 0},
                "new": {"url": new.url, "hosts": ["new.example.com"], "retries": 0},
            },
            migrations={"move": {"from": "old", "to": "new", "what": {"in_use": ["prod"]}}},
            cutovers={"point": {"clusters": ["prod"], "from": "old", "to": "new"}},
        )
        image = f"{spelling}/{REPORT}:build-1"
        shop.uses(image)
        shop.survey()
        digest = shop.images["build-1"].digest

        assert image in shop.run("images", "old").lines
        assert image in shop.run("images", "REGISTRY.example.com:443").lines
        for asked in (image, f"{HOST}/{REPORT}:build-1", f"{HOST}/{REPORT}"):
            used = json.loads(shop.run("usage", asked, "--json").out)
            assert [(use["owner_name"], use["digest"]) for use in used] == [("monthly", digest)], asked

        versions = json.loads(shop.run("versions", "--json").out)
        deployed = {row["repository"]: [one["tag"] for one in row["deployed"]] for row in versions}
        assert deployed == {f"old/{REPORT}": ["build-1"], "old/team/service": ["1"]}
        copies = json.loads(shop.run("single-copies", "--json").out)
        assert {row["image"]: row["verdict"] for row in copies} == {
            f"{HOST}/{REPORT}:build-1": "single",
            f"{HOST}/team/service:1": "single",
        }

        assert shop.run("migration", "plan", "move").code == 0
        planned = json.loads(shop.run("migration", "show", "move", "--json").out)
        assert {(row["repository"], row["digest"]) for row in planned} == {
            (REPORT, digest),
            ("team/service", shop.service.digest),
        }

        push(new.url, REPORT, shop.images["build-1"], "build-1")
        push(new.url, "team/service", shop.service, "1")
        assert shop.run("inventory").code == 0
        assert shop.run("cutover", "plan", "point").code == 0
        assert shop.run("cutover", "patches", "point", "--out", str(tmp_path / "patches")).code == 0
        patches = "\n".join(path.read_text() for path in sorted((tmp_path / "patches").rglob("*")) if path.is_file())
        assert f"new.example.com/{REPORT}:build-1@{digest}" in patches
        assert image in patches, "the patch tests what is written"


@pytest.mark.parametrize("spelling", ["Registry.Example.com", "registry.example.com:443"])
def test_a_report_that_only_a_cron_job_names_survives_on_a_real_registry(
    tmp_path: Path, docker_registry: DockerRegistry, spelling: str
) -> None:
    """Case 02, up to the DELETE."""
    shop = Shop(tmp_path, docker_registry.url)
    shop.configure()
    shop.uses(f"{spelling}/{REPORT}:build-1")
    assert shop.planned() == {"build-2"}
    (waiting,) = json.loads(shop.run("plan", "list", "--json").out)
    short = waiting["fingerprint"][:12]
    assert shop.run("plan", "approve", short, "--images", "1", "--as", "Alice", "--reason", "old").code == 0
    assert shop.run("plan", "execute", short).code == 0
    assert [tag for tag in ("build-1", "build-2", "build-3") if _is_there(docker_registry.url, tag)] == [
        "build-1",
        "build-3",
    ]
    restored = shop.run("restore", short, f"{spelling}/{REPORT}:build-2")
    assert restored.code == 0, restored.err
    assert _is_there(docker_registry.url, "build-2")


def _is_there(url: str, tag: str) -> bool:
    accept = {"Accept": MANIFEST_ACCEPT}
    return requests.get(f"{url}/v2/{REPORT}/manifests/{tag}", headers=accept, timeout=30).ok


@pytest.mark.parametrize(
    ("hosts", "sentence"),
    [
        (["https://registry.example.com"], "`https://registry.example.com` is no host; write `registry.example.com`"),
        (["registry.example.com/"], "`registry.example.com/` is no host; write `registry.example.com`"),
        (["*.example.com"], "`*.example.com` is no host: patterns are not read here"),
        (["localhost:7439/registry.example.com"], "`also_known_as: [{prefix: localhost:7439/registry.example.com}]`"),
        (["registry.example.com:99999"], "a port is a number from 1 to 65535"),
    ],
)
def test_hosts_that_are_no_hosts_end_every_command_with_2(shop: Shop, hosts: list[str], sentence: str) -> None:
    """Case 03."""
    shop.configure(registries={"old": {"url": shop.url, "hosts": hosts}})
    for command in (("inventory",), ("plan", "make"), ("doctor",)):
        ended = shop.run(*command)
        assert ended.code == 2
        assert "registries.old.hosts.0: " in ended.err
        assert sentence in ended.err


def test_a_name_with_three_dots_ends_every_command_with_2(shop: Shop) -> None:
    """Case 09."""
    shop.configure(clusters={"prod...eu": {"dump": str(shop.root / "dump")}})
    ended = shop.run("inventory")
    assert ended.code == 2
    assert "clusters.prod...eu: `...` cannot be in a name" in ended.err


def test_a_registry_that_no_workload_names_gets_no_plan_unless_that_is_expected(shop: Shop) -> None:
    shop.uses(f"registry.example.com:80/{REPORT}:build-1")
    mistyped = {"url": shop.url, "hosts": ["registry.exmaple.com"], "retries": 0}
    shop.configure(registries={"old": mistyped})
    shop.survey()
    refused = shop.run("plan", "make")
    assert refused.code == 3
    assert (
        "no plan for old: no workload of any cluster names registry.exmaple.com, and the most similar hosts in use are"
        " registry.example.com, registry.example.com:80; correct `hosts`" in refused.err
    )
    assert "`expect_no_use: true`" in refused.err
    doctor = shop.run("doctor")
    assert "no workload names registry.exmaple.com" in doctor.out
    assert shop.run("plan", "list", "--json").out.strip() == "[]"

    shop.configure(registries={"old": {**mistyped, "expect_no_use": True}})
    assert shop.planned() == {"build-1", "build-2"}


def test_a_plan_is_not_carried_out_once_no_workload_names_the_registry_any_more(shop: Shop) -> None:
    shop.uses(f"{HOST}/{REPORT}:build-3")
    assert shop.planned() == {"build-1", "build-2"}
    (waiting,) = json.loads(shop.run("plan", "list", "--json").out)
    short = waiting["fingerprint"][:12]
    assert shop.run("plan", "approve", short, "--images", "2", "--as", "Alice", "--reason", "old").code == 0
    shop.configure(registries={"old": {"url": shop.url, "hosts": ["registry.exmaple.com"], "retries": 0}})
    refused = shop.run("plan", "execute", short)
    assert refused.code == 3
    assert "no workload of any cluster names registry.exmaple.com" in refused.err
    assert _is_there(shop.url, "build-1")


def test_silence_of_what_was_not_read_is_no_wrong_host(shop: Shop) -> None:
    shop.uses(f"{HOST}/{REPORT}:build-3")
    shop.survey()
    (shop.root / "dump" / "all.json").write_text('{"kind": "List", "apiVersion": "v1", "items": []}')
    (shop.root / "dump" / "more.json").write_text("no JSON")
    assert shop.run("inventory").code == 5
    refused = shop.run("plan", "make")
    assert refused.code == 5, refused.err
    assert "the inventory of prod is" in refused.err


def test_a_plan_explains_the_tag_that_runtimes_would_take(shop: Shop) -> None:
    shop.uses(f"{HOST}/{REPORT}:build-3")
    shop.survey()
    explained = shop.run("plan", "explain", f"{HOST}/{REPORT}")
    assert explained.code == 5
    assert f"no tag is written, so this is about {HOST}/{REPORT}:latest" in explained.err


def test_a_whole_repository_is_asked_for_without_a_tag(shop: Shop) -> None:
    shop.uses(f"Registry.example.com/{REPORT}:build-1", workload("CronJob", "weekly", f"{HOST}/{REPORT}:build-3"))
    shop.survey()
    asked = shop.run("usage", f"{HOST}/{REPORT}")
    assert asked.code == 0
    assert "monthly" in asked.out
    assert "weekly" in asked.out
    assert f"no tag is written, so this is every image of {REPORT} in old (stored: 3)" in asked.err
    assert f"write {HOST}/{REPORT}:latest" in asked.err
    latest = shop.run("usage", f"{HOST}/{REPORT}:latest")
    assert "is not stored in old" in latest.err
    assert "monthly" not in latest.out


@pytest.mark.parametrize(("command", "empty"), [("inventory", "cluster"), ("catalog", "registry")])
def test_what_could_not_be_read_is_never_said_not_to_be_configured(shop: Shop, command: str, empty: str) -> None:
    shop.configure(
        registries={"old": {"url": "http://127.0.0.1:9", "hosts": [HOST], "retries": 0}},
        clusters={"prod": {"dump": str(shop.root / "no-such-folder")}},
    )
    ended = shop.run(command)
    assert ended.code == 5
    assert "configured" not in ended.err + ended.out
    assert f"no {empty} was read" in ended.err
    shop.configure(registries={}, clusters={})
    assert f"no {empty} is configured" in shop.run(command).err
