"""The changes as files, proven by the tools that people use: kubectl against a server, and kustomize."""

from __future__ import annotations

import copy
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from registry_pipelines.cutover.files import write_patches
from tests.kubernetes import OLD_HOST, deployment, real_objects, workload
from tests.registry_core.cutovers import NEW_HOST, plan_of
from tests.registry_pipelines.cli.calling import call
from tests.registry_pipelines.cutover.estate import PASSWORD, Estate

CART = f"{OLD_HOST}/shop/cart:1"


#: Debian's kubectl is older than components and `--patch-file`; without a newer one these two are not collected.
_OLDEST_MINOR = 21


def has_kubectl() -> bool:
    if shutil.which("kubectl") is None:
        return False
    done = subprocess.run(["kubectl", "version", "--client", "-o", "json"], capture_output=True, text=True, check=False)
    version = json.loads(done.stdout or "{}").get("clientVersion", {})
    return int(re.sub(r"\D", "", version.get("minor", "")) or 0) >= _OLDEST_MINOR


def kubectl(*arguments: str | Path) -> str:
    done = subprocess.run(["kubectl", *map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_what_is_to_be_changed_elsewhere_is_written_for_people(tmp_path: Path) -> None:
    helm = {"meta.helm.sh/release-name": "shop\n# evil"}
    plan = plan_of(deployment("cart", CART, annotations=helm), workload("Job", "once", CART), pull_secret="new-pull")
    written = write_patches(plan, tmp_path / "out", "kubectl")
    assert [path.name for path in written] == ["pull-secrets.sh", "elsewhere.md"]
    page = (tmp_path / "out" / "elsewhere.md").read_text()
    assert f"- {CART}\n+ {NEW_HOST}/shop/cart:1@sha256:" in page
    assert "\n# evil" not in page
    assert "+ - name: new-pull" in page
    assert "the template of a job cannot be changed" in page
    script = (tmp_path / "out" / "pull-secrets.sh").read_text()
    assert '--docker-password="$PULL_PASSWORD"' in script


def test_names_of_a_dump_lead_nowhere_else(tmp_path: Path) -> None:
    plan = plan_of(deployment("../../evil", CART, namespace="../../.."))
    written = write_patches(plan, tmp_path / "out", "kubectl")
    assert all(path.resolve().is_relative_to(tmp_path / "out") for path in written)


def test_no_two_workloads_share_a_file(tmp_path: Path) -> None:
    one = deployment("deployment-b", CART, namespace="a")
    other = deployment("b", CART, namespace="a-deployment")
    for form in ("kubectl", "kustomize"):
        written = write_patches(plan_of(one, other), tmp_path / form, form)  # type: ignore[arg-type]
        assert len({path for path in written if "deployment" in path.name}) == 2
    odd = [deployment(name, CART) for name in ("a/b", "a_b", "a%2fb")]
    assert len(set(write_patches(plan_of(*odd), tmp_path / "odd", "kubectl"))) == 4  # and the script


def test_a_folder_that_holds_something_is_left_alone(estate: Estate) -> None:
    call("--config", estate.site_file, "cutover", "plan")
    ended = call("--config", estate.site_file, "cutover", "patches", "move", "--out", estate.root)
    assert ended.code == 2
    assert "the folder is not empty" in ended.err


def test_the_commands_show_a_plan_for_people_and_programs(estate: Estate) -> None:
    made = call("--config", estate.site_file, "cutover", "plan", "--json")
    (row,) = json.loads(made.out)
    assert (row["cutover"], row["workloads"], row["left"], row["state"]) == ("move", 18, 5, "waiting")
    shown = call("--config", estate.site_file, "cutover", "show", row["fingerprint"][:8])
    assert "move: 18 workloads are changed" in shown.out
    rows = json.loads(call("--config", estate.site_file, "cutover", "show", "move", "--json").out)
    assert {row["what"] for row in rows} == {"patch", "left", "create if absent"}
    assert all(len(row["to"].partition("@sha256:")[2]) == 64 for row in rows if row["what"] == "patch")
    assert rows[0]["place"] == ".spec.template.spec.containers[0].image"
    assert call("--config", estate.site_file, "cutover", "plan", "gone").code == 2
    assert call("--config", estate.site_file, "cutover", "show", "abcdef").code == 2


if has_kubectl():

    def test_kustomize_makes_of_the_old_objects_what_the_plan_says(tmp_path: Path) -> None:
        items = [
            item for item in real_objects("production") if item["kind"] not in ("Node", "Pod", "ReplicaSet", "Job")
        ]
        plan = plan_of(*items, pull_secret="new-pull")
        write_patches(plan, tmp_path / "patches", "kustomize")
        base = tmp_path / "base"
        base.mkdir()
        for item in items:
            item["metadata"] = {key: item["metadata"][key] for key in ("name", "namespace")}
            item.pop("status", None)
        (base / "objects.yaml").write_text(yaml.safe_dump_all(items))
        component = "../patches/production"
        (base / "kustomization.yaml").write_text(
            yaml.safe_dump({"resources": ["objects.yaml"], "components": [component]})
        )
        made = {
            (item["kind"], item["metadata"]["name"]): item for item in yaml.safe_load_all(kubectl("kustomize", base))
        }
        for entry in plan.entries:
            item: Any = made[entry.workload.kind, entry.workload.name]
            for change in entry.images:
                node = item
                for step in change.place:
                    node = node[step]
                assert node == change.new
            for secret in entry.secrets:
                node = item
                for step in secret.place:
                    node = node[step]
                assert {one["name"] for one in node["imagePullSecrets"]} == set(secret.after)

    @pytest.mark.parametrize("moving", [("i1",), ("i0", "i2"), ("i2", "c1"), ("c0", "i3"), ("i0", "i1", "i2", "i3")])
    def test_kustomize_keeps_the_order_of_containers(tmp_path: Path, moving: tuple[str, ...]) -> None:
        names = {"initContainers": ["i0", "i1", "i2", "i3"], "containers": ["c0", "c1", "c2"]}
        item = deployment("cart", CART)
        spec = item["spec"]["template"]["spec"]
        for key, listed in names.items():
            spec[key] = [{"name": one, "image": CART if one in moving else "elsewhere/x:1"} for one in listed]
        write_patches(plan_of(copy.deepcopy(item)), tmp_path / "patches", "kustomize")
        built = _built(tmp_path, item)
        for key, listed in names.items():
            found = built["spec"]["template"]["spec"][key]
            assert [one["name"] for one in found] == listed
            assert all((NEW_HOST in one["image"]) == (one["name"] in moving) for one in found)

    def test_what_git_lists_in_another_order_stays_whole(tmp_path: Path) -> None:
        item = deployment("cart", CART)
        item["spec"]["template"]["spec"]["containers"] = [
            {"name": "a", "image": "elsewhere/x:1"}, {"name": "b", "image": CART}
        ]  # fmt: skip
        write_patches(plan_of(copy.deepcopy(item)), tmp_path / "patches", "kustomize")
        item["spec"]["template"]["spec"]["containers"].reverse()
        found = _built(tmp_path, item)["spec"]["template"]["spec"]["containers"]
        assert {one["name"]: NEW_HOST in one["image"] for one in found} == {"a": False, "b": True}

    def _built(tmp_path: Path, item: dict[str, Any]) -> dict[str, Any]:
        """One object of a base, with the patches that were written beside it."""
        base = tmp_path / "base"
        base.mkdir()
        item["metadata"] = {key: item["metadata"][key] for key in ("name", "namespace")}
        item.pop("status", None)
        (base / "object.yaml").write_text(yaml.safe_dump(item))
        (component,) = (path.parent for path in (tmp_path / "patches").glob("*/kustomization.yaml"))
        written = {"resources": ["object.yaml"], "components": [f"../patches/{component.name}"]}
        (base / "kustomization.yaml").write_text(yaml.safe_dump(written))
        (made,) = yaml.safe_load_all(kubectl("kustomize", base))
        return made

    def test_kubectl_applies_the_patches_to_a_server(estate: Estate) -> None:
        assert call("--config", estate.site_file, "cutover", "plan").code == 0
        out = estate.root / "patches"
        ended = call("--config", estate.site_file, "cutover", "patches", "move", "--out", out, "--json")
        assert ended.code == 0, ended.err
        assert len(json.loads(ended.out)) == 18 + 2 + 2  # a patch each, a script a cluster, secrets and elsewhere
        plan, server = estate.newest_plan(), estate.servers["staging"]
        server.cluster.anyone = True
        config = estate.root / "kubeconfig"
        config.write_text(json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "c",
            "clusters": [{"name": "c", "cluster": {"server": server.url}}],
            "contexts": [{"name": "c", "context": {"cluster": "c"}}],
        }))  # fmt: skip
        environment = {"KUBECONFIG": str(config), "PATH": "/usr/bin:/bin", "HOME": str(estate.root)}
        done = subprocess.run(
            ["sh", str(out / "staging" / "patch.sh")], env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        for entry in plan.entries:
            if entry.workload.cluster == "staging":
                one = entry.workload
                item = estate.cluster("staging").get(one.plural, one.namespace, one.name)
                assert all(change.new in json.dumps(item["spec"]) for change in entry.images)
        # A second time nothing fits any more, and nothing is changed.
        again = subprocess.run(
            ["sh", str(out / "staging" / "patch.sh")], env=environment, capture_output=True, text=True, check=False
        )
        assert again.returncode != 0
        assert PASSWORD not in "".join(path.read_text() for path in out.rglob("*") if path.is_file())
