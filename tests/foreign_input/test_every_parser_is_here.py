"""Every module that takes apart what it was given is either spoiled here, or reads only what we wrote ourselves.

A new parser fails this test until it is named: in `COVERS` of the file that gives it garbage, or in OURS with a reason.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.foreign_input import test_clusters, test_core, test_files, test_registries, test_vendors, test_web

ROOT = Path(__file__).parents[2]
PACKAGES = ("registry_core", "resources", "assets", "registry_pipelines")
GARBAGE = (test_clusters, test_core, test_files, test_registries, test_vendors, test_web)

#: Calls by which a text becomes something else, and which may raise for a text that is not as expected.
TAKES_APART = frozenset(
    {
        "loads", "raw_decode", "safe_load", "SafeLoader", "read_json", "read_object", "urlsplit", "urljoin",
        "urlparse", "parse_qs", "parse_qsl", "b64decode", "urlsafe_b64decode", "fromisoformat", "fromtimestamp",
        "strptime", "parsedate_to_datetime", "whole_number", "expanduser", "fromhex", "unquote", "literal_eval",
    }
)  # fmt: skip

OURS = {
    "assets.automation": "a cursor that we wrote",
    "assets.taking.blob_holders": "manifests that were read, proven and stored",
    "assets.taking.uncollected": "manifests that were read, proven and stored",
    "registry_core.plan_documents": "plans, which we wrote, proven by their fingerprint",
    "registry_pipelines.cli.init": "a path that was found",
    "registry_pipelines.cli.site_file": "a value that is about to be written",
    "registry_pipelines.eviction.keeping": "manifests that were read and proven just before",
    "registry_pipelines.eviction.collection": "what `du` prints",
    "registry_pipelines.launching.request": "the address of a request; see tests of launching",
    "registry_pipelines.launching.tags": "tags of our own job definitions",
    "registry_pipelines.cli.doctor_dagster": "dagster.yaml; anything that cannot be read is a line of the doctor",
    "resources.clusters.dump": "the time of a file",
    "resources.database.times": "microseconds that we stored",
    "resources.embedded_registry.contents": "its own journal",
    "resources.embedded_registry.journal": "its own journal",
    "resources.registry.restoring": "manifests that were read, proven and kept",
    "resources.registry.quarantine": "names that we gave",
}


def modules() -> Iterator[tuple[str, ast.Module]]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            if "migrations" not in path.parts:
                name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
                yield name, ast.parse(path.read_text())


def called(tree: ast.Module) -> set[str]:
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            function = node.func
            names.add(function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", ""))
    return names


def test_every_module_that_takes_something_apart_is_given_garbage() -> None:
    found = {name for name, tree in modules() if called(tree) & TAKES_APART}
    covered = {name for file in GARBAGE for name in file.COVERS}
    assert sorted(found - covered - set(OURS)) == []


def test_what_is_named_is_there() -> None:
    there = {name for name, _ in modules()}
    assert sorted({name for file in GARBAGE for name in file.COVERS} - there) == []
    assert sorted(set(OURS) - there) == []


def test_json_of_others_is_read_in_one_place() -> None:
    """`json.loads` takes numbers that no database takes, raises RecursionError, and lets half a surrogate through."""
    allowed = {*OURS, "registry_core.foreign_json", "resources.clusters.patching"}
    found = set()
    for name, tree in modules():
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Attribute)
                and node.attr in ("loads", "load")
                and getattr(node.value, "id", "") == "json"
            ):
                found.add(name)
    assert sorted(found - allowed) == []
