"""Loading the definitions: what may happen then, and what may not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import dagster as dg

from registry_pipelines.definitions import build_definitions
from tests.company import REGISTRY, Company

ROOT = Path(__file__).resolve().parents[2]

_LOAD = """
import socket, sqlite3, sys
def no(*arguments, **named): raise AssertionError("a connection was opened while loading")
socket.socket.connect = no
sqlite3.connect = no
from dagster._core.workspace.autodiscovery import loadable_targets_from_python_module
import registry_pipelines.definitions as loaded
definitions = loaded.defs()
print(len(list(definitions.resolve_all_asset_specs())), "assets")
"""


def load(site_file: Path, code: str = _LOAD) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "REGISTRY_PIPELINES_CONFIG": str(site_file), "HOME": str(site_file.parent)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_nothing_opens_a_connection_when_definitions_are_loaded(company: Company) -> None:
    loaded = load(company.site_file)
    assert loaded.returncode == 0, loaded.stderr
    assert "assets" in loaded.stdout
    assert not (company.root / "registry_pipelines.sqlite").exists()


def test_a_broken_configuration_is_told_with_all_its_problems_when_dagster_loads_it(tmp_path: Path) -> None:
    site_file = tmp_path / "registry_pipelines.yaml"
    site_file.write_text("registries:\n  r: {url: ftp://x, conections: 3}\nclusters:\n  c: {}\n")
    loaded = load(site_file)
    assert loaded.returncode != 0
    for words in ("registries.r.url", "did you mean", "choose one way to reach the cluster"):
        assert words in loaded.stderr


def test_dagster_can_load_every_job_of_a_site_that_uses_everything(company: Company) -> None:
    other = {"url": "http://new.example.com", "hosts": ["new.example.com"]}
    company.configure(
        registries={REGISTRY: {"url": company.registry.url, "hosts": [REGISTRY]}, "new": other},
        policies=[{"repositories": ["**"], "keep_last": 3}],
        migrations={"move": {"from": REGISTRY, "to": "new", "what": {"all": True}}},
        replications={"keep": {"from": REGISTRY, "to": "new", "what": {"newest": 3}}},
        clusters={"production": {"context": "production"}},
        cutovers={"point": {"clusters": ["production"], "from": REGISTRY, "to": "new"}},
    )
    definitions = build_definitions(company.loaded)
    dg.Definitions.validate_loadable(definitions)
    jobs = {job.name for job in definitions.get_repository_def().get_all_jobs()}
    kinds = ("eviction", "migration", "cutover", "replication")
    assert {f"{deed}_{kind}_plan" for deed in ("approve", "execute") for kind in kinds} <= jobs | {
        "execute_replication_plan"  # a rule that is approved is carried out by runs of its own
    }
    assert "verify_migrations" in jobs
