"""What is already set up on this machine: contexts of the kubeconfig, hosts of the docker config.

Only names are read. The `kubernetes` package is not needed for that, and takes half a second to import.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from registry_core.errors import ConfigError
from resources.configuration.docker_config import read_docker_config, user_docker_configs
from resources.configuration.paths import from_home


@dataclass(frozen=True, slots=True)
class Found:
    """Names found in one file, or the sentence why there are none."""

    place: str
    names: tuple[str, ...] = ()
    trouble: str = ""


def find_contexts() -> Found:
    """Contexts of the kubeconfig, as kubectl finds it: KUBECONFIG (several files), else `~/.kube/config`."""
    named = os.environ.get("KUBECONFIG") or str(Path.home() / ".kube" / "config")
    try:
        paths = [from_home(part) for part in named.split(os.pathsep) if part]
    except ValueError as error:
        return Found(named, trouble=f"KUBECONFIG: {error}")
    names: list[str] = []
    for path in paths:
        if not path.is_file():
            continue
        try:
            names += _contexts(path)
        except (OSError, UnicodeDecodeError, yaml.YAMLError, ValueError, RecursionError) as error:
            return Found(str(path), trouble=f"{path} is no kubeconfig that can be read ({type(error).__name__})")
    if not names:
        return Found(named, trouble=f"no context was found in the kubeconfig ({named})")
    return Found(named, tuple(dict.fromkeys(names)))


def find_registries() -> Found:
    """Registries that the user is signed in to, by the docker or podman config."""
    paths = list(user_docker_configs())
    if not paths:
        return Found("~/.docker/config.json", trouble="no docker config was found (~/.docker/config.json)")
    for path in paths:
        try:
            hosts = [host for host in read_docker_config(path).hosts() if re.fullmatch(r"[\w.-]+(:\d+)?", host)]
        except ConfigError as error:
            return Found(str(path), trouble=str(error))
        if hosts:
            return Found(str(path), tuple(hosts))
    return Found(str(paths[0]), trouble=f"{paths[0]} names no registry")


def names_for(texts: Sequence[str]) -> dict[str, str]:
    """A name for each text by which the configuration can call it: `arn:aws:…:cluster/prod` is `prod`."""
    names: dict[str, str] = {}
    for text in texts:
        plain = re.sub(r"[^A-Za-z0-9._-]+", "-", text.rpartition("/")[2]).strip("-._") or "cluster"
        name, number = plain, 2
        while name in names:
            name, number = f"{plain}-{number}", number + 1
        names[name] = text
    return names


def guess_environment(name: str) -> str:
    """What a cluster is for, by its name; production where the name says nothing, for that is the strict one."""
    words = set(re.split(r"[^a-z]+", name.lower()))
    for environment, marks in _MARKS.items():
        if words & marks:
            return environment
    return "production"


_MARKS = {
    "staging": {"staging", "stage", "stg", "preprod", "uat"},
    "testing": {"test", "testing", "qa", "ci"},
    "development": {"dev", "develop", "development", "sandbox", "local", "minikube", "kind", "k3d", "desktop"},
}


def _contexts(path: Path) -> list[str]:
    document: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    contexts = document.get("contexts") if isinstance(document, dict) else None
    if not isinstance(contexts, list):
        raise ValueError("no contexts")
    return [str(one["name"]) for one in contexts if isinstance(one, dict) and one.get("name")]
