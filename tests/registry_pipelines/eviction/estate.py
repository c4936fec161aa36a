"""A small site to delete from: one registry full of kinships, one cluster, plans made and approved in a line."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import requests

from assets.taking.catalog import take_catalog
from assets.taking.inventory import take_inventory
from assets.taking.plan import take_plan
from registry_core.approval import Approval, ApprovalRules
from registry_core.eviction import Plan
from registry_core.media_types import MANIFEST_ACCEPT
from registry_pipelines.eviction.execution import Execution, Run, execute_plan
from resources.configuration.load import load_site
from resources.connections import Connections
from tests.image_builder import (
    BuiltImage,
    cosign_tag,
    make_attestation,
    make_cosign_signature,
    make_image,
    make_index,
    make_multi_platform,
    make_referrer,
    push,
)

REGISTRY = "main"
HOST = "registry.example.com"
APP, TOOLS = "team/app", "team/tools"
POLICIES = [{"repositories": ["**"], "keep_last": 1, "keep_tags": ["stable"], "untagged": {"keep": False}}]
ABSENT = [*(f"apps/v1 {kind}s" for kind in ("deployment", "replicaset", "statefulset", "daemonset")),
          "batch/v1 jobs", "batch/v1 cronjobs"]  # fmt: skip
RULES = ApprovalRules()


def a_run(run_id: str = "run 1", **changes: Any) -> Run:
    values: dict[str, Any] = {"rules": RULES, "holder_is_alive": lambda _: False}
    return Run(run_id, **{**values, **changes})


@dataclass
class Estate:
    """`images` by the name that a test gives them; `stored` and `tags` ask the registry with plain HTTP."""

    root: Path
    url: str
    settings: dict[str, Any] = field(default_factory=dict)
    images: dict[str, BuiltImage] = field(default_factory=dict)

    @property
    def site_file(self) -> Path:
        return self.root / "registry_pipelines.yaml"

    def configure(self, *, url: str | None = None, **sections: Any) -> None:
        registry = {"url": url or self.url, "hosts": [HOST], "retries": 1, **self.settings}
        cluster = {"dump": str(self.root / "cluster"), "may_be_missing": ABSENT}
        site = {
            "registries": {REGISTRY: registry},
            "clusters": {"production": cluster},
            "limits": {"min_images_in_use": 1, "max_evicted_share": 1.0},
            "policies": POLICIES,
            **sections,
        }
        self.site_file.write_text(json.dumps(site))  # JSON is YAML

    def use(self, *references: str) -> None:
        """The one pod of the cluster uses these, and nothing else."""
        containers = [{"name": f"c{number}", "image": f"{HOST}/{one}"} for number, one in enumerate(references)]
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "web", "namespace": "shop", "uid": "1"},
            "spec": {"containers": containers, "nodeName": "node-1"},
            "status": {"phase": "Running"},
        }
        node = {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": "node-1"},
            "status": {"nodeInfo": {"operatingSystem": "linux", "architecture": "amd64"}},
        }
        folder = self.root / "cluster"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "workloads.json").write_text(json.dumps({"kind": "List", "apiVersion": "v1", "items": [pod, node]}))

    @contextmanager
    def connections(self) -> Iterator[Connections]:
        with Connections(load_site(self.site_file)) as connections:
            yield connections

    def push(self, name: str, image: BuiltImage, repository: str = APP, tag: str | None = None) -> BuiltImage:
        push(self.url, repository, image, tag)
        self.images[name] = image
        return image

    def push_referrer(self, name: str, referrer: BuiltImage, subject: BuiltImage, api: bool) -> None:
        self.push(name, referrer)
        if not api:  # a registry without the API: the client keeps the list under the fallback tag
            self.push(f"{name} list", make_index([referrer]), tag=subject.digest.replace(":", "-"))

    def survey(self) -> None:
        with self.connections() as connections:
            take_inventory(connections, "production")
            take_catalog(connections, REGISTRY)

    def plan(self) -> Plan:
        """Survey, plan and approve."""
        self.survey()
        with self.connections() as connections:
            made = take_plan(connections, REGISTRY)
            assert not made.problems, made.problems
            approve(connections, made.plan)
            return made.plan

    def execute(self, plan: Plan, run_id: str = "run 1", **changes: Any) -> Execution:
        with self.connections() as connections:
            return execute_plan(connections, plan.fingerprint, a_run(run_id, **changes))

    def journal(self, plan: Plan) -> dict[tuple[str, str], str]:
        """Outcome by (repository, digest), as text."""
        with self.connections() as connections:
            return {
                (line.repository, line.digest): str(line.outcome) for line in connections.ledger.lines(plan.fingerprint)
            }

    def stored(self, digest: str, repository: str = APP) -> bool:
        answer = self.get(repository, digest)
        assert answer.status_code in (200, 404), answer.text
        return answer.status_code == 200

    def get(self, repository: str, reference: str) -> requests.Response:
        with requests.Session() as session:
            session.trust_env = False
            url = f"{self.url}/v2/{repository}/manifests/{reference}"
            return session.get(url, headers={"Accept": MANIFEST_ACCEPT}, timeout=30)

    def delete(self, digest: str, repository: str = APP) -> None:
        """Somebody else deletes an image."""
        self._delete(f"{repository}/manifests/{digest}")

    def delete_blob(self, repository: str, digest: str) -> None:
        self._delete(f"{repository}/blobs/{digest}")

    def _delete(self, path: str) -> None:
        with requests.Session() as session:
            session.trust_env = False
            session.delete(f"{self.url}/v2/{path}", timeout=30).raise_for_status()

    def tags(self, repository: str = APP) -> dict[str, str]:
        """What each tag resolves to."""
        with requests.Session() as session:
            session.trust_env = False
            answer = session.get(f"{self.url}/v2/{repository}/tags/list", timeout=30)
        if answer.status_code == 404:
            return {}
        return {tag: self.get(repository, tag).headers["Docker-Content-Digest"] for tag in answer.json()["tags"] or ()}

    def contents(self) -> dict[tuple[str, str], bytes]:
        """Every manifest that was pushed and is still there, by (repository, digest)."""
        found = {}
        for repository in (APP, TOOLS):
            for image in self.images.values():
                answer = self.get(repository, image.digest)
                if answer.status_code == 200:
                    found[repository, image.digest] = answer.content
        return found


def approve(connections: Connections, plan: Plan, who: str = "Ada") -> None:
    now = datetime.now(UTC)
    connections.ledger.file_decision(
        Approval(
            fingerprint=plan.fingerprint,
            decision="approve",
            who=who,
            at=now,
            reason="space",
            count=plan.images,
            expires_at=now + timedelta(hours=24),
        ),
        RULES,
    )


def build(root: Path, url: str, *, settings: dict[str, Any] | None = None, referrers_api: bool = False) -> Estate:
    """The estate with all kinds of kinship. Of `team/app` only `v3` and `stable` stay, with what belongs to them."""
    root.mkdir(parents=True, exist_ok=True)
    estate = Estate(root, url, settings or {})
    estate.configure()
    shared = make_image([b"shared child"], platform="linux/arm64")
    estate.images["shared child"] = shared
    for number in (1, 3):
        amd64 = make_image([b"v%d" % number], config=created(number), platform="linux/amd64")
        attestation = make_attestation(amd64)
        index = make_index([amd64, shared, attestation])
        estate.images |= {f"v{number} amd64": amd64, f"v{number} attestation": attestation}
        estate.push(f"v{number}", index, tag=f"v{number}")
        signature = make_cosign_signature(index)
        estate.push(f"v{number} signature", signature, tag=cosign_tag(index))
    second = estate.push("v2", make_image([b"v2"], config=created(2)), tag="v2")
    estate.push_referrer("v2 sbom", make_referrer(second), second, referrers_api)
    inner = make_multi_platform(content=b"inner")
    for child in inner.children:
        estate.images[f"inner {child.platform}"] = child
    estate.images["inner"] = inner
    estate.push("nested", make_index([inner, make_image([b"beside"], config=created(1))]), tag="nested")
    estate.images["beside"] = estate.images["nested"].children[1]
    twice = make_image([b"twice"], config=created(1))
    estate.push("twice", twice, tag="stable")
    estate.push("twice", twice, tag="old-name")
    for number in (1, 2, 3):
        estate.push(f"tool {number}", make_image([b"tool %d" % number], config=created(number)), TOOLS, f"t{number}")
    estate.push("tool twice", twice, TOOLS, "t0")
    estate.use(f"{APP}:v3", f"{TOOLS}:t3")
    return estate


def created(day: int) -> dict[str, str]:
    return {"created": f"2026-01-{day:02}T00:00:00Z"}


def copy_away(estate: Estate, repository: str, reference: str, target: Path) -> None:
    """`skopeo copy --all` of one image; fails where anything of it is missing."""
    separator = "@" if ":" in reference else ":"
    subprocess.run(
        ["skopeo", "--insecure-policy", "copy", "--all", "--src-tls-verify=false", "--quiet",
         f"docker://{estate.url.removeprefix('http://')}/{repository}{separator}{reference}", f"dir:{target}"],
        check=True, capture_output=True,
    )  # fmt: skip
