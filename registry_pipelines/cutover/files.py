"""The changes of a cut-over plan as files, for those who change clusters through git: `kubectl patch` or kustomize.

Pull secrets cannot be in files: what is written of them is the command that makes each, with places to fill in.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import yaml

from registry_core.cutover import CutoverPlan
from registry_core.cutover_entries import Entry, PullSecret, Workload
from registry_core.cutover_patch import forward_patch, kustomize_patch
from registry_core.errors import ConfigError

Format = Literal["kubectl", "kustomize"]


def write_patches(plan: CutoverPlan, folder: Path, form: Format) -> list[Path]:
    """Write all changes of a plan below a folder that is empty or not there; what was written, in order.

    A folder for each cluster. Raises ConfigError where the folder holds something or cannot be written.
    """
    try:
        if folder.exists() and any(folder.iterdir()):
            raise ConfigError("the folder is not empty; name another one, or empty it", subject=str(folder))
        files = dict(_files(plan, form))
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"the files cannot be written here: {error.strerror}", subject=str(folder)) from error
    return [folder / name for name in files]


def _files(plan: CutoverPlan, form: Format) -> Iterator[tuple[str, str]]:
    for cluster in dict.fromkeys(entry.workload.cluster for entry in plan.entries):
        entries = [entry for entry in plan.entries if entry.workload.cluster == cluster]
        make = _kubectl_files if form == "kubectl" else _kustomize_files
        for name, text in make(entries):
            yield f"{cluster}/{name}", text
    if plan.pull_secrets:
        yield "pull-secrets.sh", _secret_commands(plan)
    if plan.elsewhere or plan.left:
        yield "elsewhere.md", _elsewhere_page(plan)


def _kubectl_files(entries: list[Entry]) -> Iterator[tuple[str, str]]:
    lines = [
        "#!/bin/sh",
        "# Each patch tests the image that it replaces, so one that does not fit any more changes nothing.",
        "# Select the cluster before: kubectl config use-context …",
        "set -eu",
        'cd "$(dirname "$0")"',
    ]
    for entry in entries:
        name = f"{_file_name(entry.workload)}.json"
        yield name, json.dumps(forward_patch(entry), indent=2) + "\n"
        lines.append(
            f"kubectl patch {shlex.quote(_resource_argument(entry.workload))} {shlex.quote(entry.workload.name)}"
            f"{_namespace_option(entry.workload.namespace)} --type=json --patch-file={shlex.quote(name)}"
        )
    yield "patch.sh", "\n".join(lines) + "\n"


def _kustomize_files(entries: list[Entry]) -> Iterator[tuple[str, str]]:
    """A component: `components: [path]` in somebody's kustomization takes all of it."""
    patches: list[dict[str, Any]] = []
    for entry in entries:
        workload, name = entry.workload, f"{_file_name(entry.workload)}.yaml"
        yield name, yaml.safe_dump(kustomize_patch(entry), sort_keys=False)
        target = {"group": workload.group, "version": workload.api_version.rpartition("/")[2], "kind": workload.kind,
                  "name": workload.name, "namespace": workload.namespace}  # fmt: skip
        patches.append({"path": name, "target": {key: value for key, value in target.items() if value}})
    component = {"apiVersion": "kustomize.config.k8s.io/v1alpha1", "kind": "Component", "patches": patches}
    yield "kustomization.yaml", yaml.safe_dump(component, sort_keys=False)


def _secret_commands(plan: CutoverPlan) -> str:
    lines = [
        "#!/bin/sh",
        "# The pull secrets that the changed workloads name. Fill in user and password; they are in no file of ours.",
        "set -eu",
        ': "${PULL_USER:?}" "${PULL_PASSWORD:?}"',
    ]
    lines += [_secret_command(secret) for secret in plan.pull_secrets]
    return "\n".join(lines) + "\n"


def _secret_command(secret: PullSecret) -> str:
    return (
        f"kubectl --context {shlex.quote(secret.cluster)} create secret docker-registry {shlex.quote(secret.name)}"
        f"{_namespace_option(secret.namespace)} --docker-server={shlex.quote(secret.host)}"
        ' --docker-username="$PULL_USER" --docker-password="$PULL_PASSWORD"'
    )


def _elsewhere_page(plan: CutoverPlan) -> str:
    lines = [f"# What the cut-over `{plan.subject}` does not change", ""]
    for one in plan.elsewhere:
        by = _plain(f"Managed by {one.manager.name} ({one.manager.evidence}). Change {one.manager.where}:")
        lines += [f"## {_plain(one.workload)}", "", by, "", "```diff"]
        for change in one.images:
            lines += [f"# {change.path}", f"- {change.old}", f"+ {change.new}"]
        for secret in one.secrets:
            lines += ["# imagePullSecrets", *(f"+ - name: {name}" for name in secret.after
                                              if name not in (secret.before or ()))]  # fmt: skip
        lines += ["```", ""]
    for left in plan.left:
        lines += [f"## {_plain(left.workload)}", "", _plain(f"Stays at {', '.join(left.images)}: {left.why}."), ""]
    return "\n".join(lines)


def _resource_argument(workload: Workload) -> str:
    """`deployments.v1.apps`: no other group's kind of that name can be meant."""
    version = workload.api_version.rpartition("/")[2]
    return f"{workload.plural}.{version}.{workload.group}" if workload.group else workload.plural


def _namespace_option(namespace: str) -> str:
    return f" -n {shlex.quote(namespace)}" if namespace else ""


def _file_name(workload: Workload) -> str:
    """Without what could lead out of the folder: names in a dump are somebody's text.

    `_` joins, because no name of Kubernetes has one: `a-b` and `c` are another file than `a` and `b-c`.
    """
    kind = f"{workload.kind}.{workload.group}" if "." in workload.group else workload.kind
    return "_".join(_safe(part) for part in (workload.namespace, kind.lower(), workload.name) if part)


def _safe(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9.-]", lambda found: f"%{ord(found[0]):x}", name)


def _plain(text: object) -> str:
    """On one line."""
    return " ".join(str(text).split())
