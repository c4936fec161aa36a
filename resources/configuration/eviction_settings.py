"""The section `eviction`, and what of eviction is set for each registry."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Literal

from pydantic import Field, model_validator

from resources.configuration.base import Settings
from resources.configuration.paths import FilePath
from resources.configuration.spans import Span


class DeletionPod(Settings):
    """Where Dagster runs in Kubernetes: the pod of a job that deletes or changes; no other then holds its secrets."""

    service_account: str | None = Field(None, description="its service account", examples=["registry-deleter"])
    secrets: tuple[str, ...] = Field(
        (), description="Kubernetes secrets whose keys become environment variables", examples=[["registry-deleter"]]
    )

    def dagster_k8s_config(self) -> dict[str, Any]:
        """The value of the run tag `dagster-k8s/config`."""
        config: dict[str, Any] = {}
        if self.service_account:
            config["pod_spec_config"] = {"service_account_name": self.service_account}
        if self.secrets:
            config["container_config"] = {"env_from": [{"secret_ref": {"name": name}} for name in self.secrets]}
        return config


class EvictionSettings(Settings):
    """Carrying out approved plans."""

    wave_size: int = Field(
        200,
        ge=1,
        description="images looked at and deleted at a time; families of images are never split. A wave also ends after"
        " a tenth of `limits.max_inventory_age`",
    )
    check_health_between_waves: bool = Field(
        True, description="look after each wave whether all that is in use can still be pulled; a new finding stops"
    )
    pod: DeletionPod | None = Field(None, description="where Dagster runs in Kubernetes: the pod that deletes")


class QuarantineSettings(Settings):
    """Blobs of evicted images, copied before the deletion, so that restore works after collection too."""

    folder: FilePath = Field(
        description="OCI image layout that is made and tidied by us; keep it where it survives", examples=["quarantine"]
    )
    keep: Span = Field(timedelta(days=30), description="what was evicted longer ago is removed from it")


class CollectionSettings(Settings):
    """How the registry is told to collect: `garbage-collect` of distribution in its pod, or Harbor through its API."""

    through: Literal["pod", "harbor"] = Field(
        "pod", description="`harbor` needs `provider: harbor`; `collection: harbor` is short for it"
    )
    cluster: str | None = Field(None, description="cluster that runs the registry's pod", examples=["production"])
    namespace: str = Field("default", description="namespace of the pod", examples=["registry"])
    pod_selector: str = Field("app=registry", description="labels of the pod; exactly one running pod must have them")
    container: str | None = Field(None, description="container; default: the pod's first")
    command: tuple[str, ...] = Field(
        ("registry", "garbage-collect", "/etc/docker/registry/config.yml"),
        min_length=1,
        description="what collects; the file is the registry's own configuration",
    )
    storage: str = Field("/var/lib/registry", description="folder that is measured before and after")
    allow_pushes: bool = Field(
        False,
        description="collect while pushes are possible: an image pushed meanwhile may lose layers, so better set the"
        " registry read-only first; Harbor takes pushes meanwhile in any case",
    )
    longest: Span = Field(timedelta(hours=6), description="how long a run watches a collection of Harbor")

    @model_validator(mode="before")
    @classmethod
    def _by_a_word(cls, value: object) -> object:
        return {"through": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _place_of_the_pod(self) -> CollectionSettings:
        if self.through == "pod" and self.cluster is None:
            raise ValueError("`cluster` is missing: the cluster that runs the registry's pod")
        return self
