"""The folder of a quickstart: sample content, configuration and Dagster's home, laid out once and then kept."""

from __future__ import annotations

import shutil
import tarfile
from dataclasses import dataclass
from pathlib import Path

from registry_core.errors import ConfigError
from registry_pipelines.locations import LOCATION

REGISTRY_NAME = "registry.example.com"
CLUSTERS = {"production": "production", "staging": "staging"}

_SITE = """\
# Written by `registry-pipelines quickstart` each time it starts. Yours is made by `registry-pipelines init`.
registries:
  {registry}:
    url: {registry_url}
    hosts: [{registry}]        # what workloads call it

clusters:
  production:
    dump: clusters/production  # what `kubectl get … -A -o json` printed
    environment: production
  staging:
    dump: clusters/staging
    environment: staging

policies:
  - repositories: ["base/**"]
    protect: true
  - repositories: ["**"]
    keep_tags: ["stable", "latest", "production", "staging"]
    keep_last: 3
    keep_in_use: {{seen_within: 31d, rollbacks: 2}}
    untagged: {{keep_within: 7d}}
    when_unused: evict           # a repository that no cluster uses goes whole

limits:
  min_images_in_use: 5         # the sample is a small company
  max_inventory_age: 24h       # its dumps are as old as this start

schedules:
  switched_on: true            # elsewhere they wait until a person switches them on in the UI

web:
  address: {web_address}
"""

_DAGSTER = """\
# A person's own machine: SQLite beside this file, no telemetry, no nagging.
telemetry:
  enabled: false
nux:
  enabled: false
run_monitoring:
  enabled: true
# Every run passes it: nothing that is typed at a launch chooses what a run may do.
run_coordinator:
  module: registry_pipelines.coordinator
  class: SignedInRunCoordinator
concurrency:
  runs:
    max_concurrent_runs: 2
"""


_WORKSPACE = f"""\
# Named, because links from plans to their forms hold the name of the code location.
load_from:
  - python_module:
      module_name: registry_pipelines.definitions
      location_name: {LOCATION}
"""


@dataclass(frozen=True)
class QuickstartFolder:
    """Where everything of one quickstart lies. Nothing outside `root` is written."""

    root: Path

    @property
    def registry(self) -> Path:
        """OCI image layout that the embedded registry serves."""
        return self.root / "registry"

    @property
    def site_file(self) -> Path:
        return self.root / "registry_pipelines.yaml"

    @property
    def dagster_home(self) -> Path:
        return self.root / "dagster"

    @property
    def workspace(self) -> Path:
        """What the Dagster UI loads."""
        return self.dagster_home / "workspace.yaml"

    def prepare(self, sample: Path, *, registry_url: str, web_address: str = "http://127.0.0.1:8055") -> None:
        """Lay out what is not there yet; the configuration and the cluster dumps are written anew each time,
        the dumps because a dump is evidence of the time it was taken, and evidence that is too old is refused.
        """
        archive = sample / f"{REGISTRY_NAME}.tar.gz"
        if not archive.exists():
            raise ConfigError(
                f"the sample content is not at {sample}: run this in a checkout of the project, or name the folder"
                " with --sample",
                subject="quickstart",
            )
        if not self.registry.exists():
            unpacked = self.root / "registry.partial"  # so that a broken start is not taken for a whole one
            shutil.rmtree(unpacked, ignore_errors=True)
            unpacked.mkdir(parents=True)
            with tarfile.open(archive) as content:
                content.extractall(unpacked, filter="data")
            unpacked.rename(self.registry)
        for cluster in CLUSTERS:
            target = self.root / "clusters" / cluster
            target.mkdir(parents=True, exist_ok=True)
            for dump in (sample / "clusters" / cluster).glob("*.json"):
                shutil.copyfile(dump, target / dump.name)
        self.site_file.write_text(
            _SITE.format(registry=REGISTRY_NAME, registry_url=registry_url, web_address=web_address)
        )
        self.dagster_home.mkdir(exist_ok=True)
        (self.dagster_home / "dagster.yaml").write_text(_DAGSTER)
        self.workspace.write_text(_WORKSPACE)
