"""The settings of a site, as a person writes them: clusters, registries, database, limits, policies.

Field descriptions are the documentation: `docs/configure.md` is made from them. Times are written `90s`, `15m`,
`2h`, `30d`. Unknown keys are errors everywhere.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any, Literal

from pydantic import Field, model_validator

from registry_core.registry_directory import RegistryDirectory, RegistryNames
from resources.configuration.approval_settings import ApprovalSettings
from resources.configuration.base import Environment, Name, RegistryName, Settings
from resources.configuration.credential_settings import TlsSettings
from resources.configuration.cutover_settings import CutoverSettings
from resources.configuration.database_settings import DatabaseSettings
from resources.configuration.event_settings import EventSettings
from resources.configuration.eviction_settings import DeletionPod, EvictionSettings
from resources.configuration.limit_settings import Limits, Schedules
from resources.configuration.migration_settings import MigrationSettings
from resources.configuration.namespaces import Namespaces, environment_of_namespace
from resources.configuration.notify_settings import NotificationSettings
from resources.configuration.paths import FilePath
from resources.configuration.registry_settings import RegistrySettings, directory_of
from resources.configuration.replication_settings import ReplicationSettings
from resources.configuration.secrets import SecretName
from resources.configuration.versions_settings import VersionsSettings
from resources.configuration.web_settings import WebSettings


class CustomResource(Settings):
    """A kind of custom resource that names images, and where in the object."""

    resource: str = Field(
        description="group/version and plural: `argoproj.io/v1alpha1 rollouts`",
        pattern=r"^[a-z0-9.-]+/v[a-z0-9]+ [a-z0-9]+$",
    )
    kind: str = Field(description="kind of the object, as dumps write it: `Rollout`")
    paths: tuple[str, ...] = Field(
        description="paths of image texts: `.spec.template.spec.containers[].image`; `{*}` walks a map",
        min_length=1,
    )


class ClusterSettings(Settings):
    """One Kubernetes cluster: how to reach it (one of four ways) and what it means to us."""

    context: str | None = Field(None, description="context of the kubeconfig", examples=["production"])
    kubeconfig: FilePath | None = Field(
        None, description="path of the kubeconfig; default: as kubectl finds it", examples=["~/.kube/config"]
    )
    in_cluster: bool = Field(False, description="use the service account of the pod we run in")
    server: str | None = Field(
        None, description="address of the API server, with `token`", examples=["https://kubernetes.example.com:6443"]
    )
    token: SecretName | None = Field(
        None, description="where the bearer token is", examples=[{"file": "/run/secrets/cluster-token"}]
    )
    tls: TlsSettings = Field(TlsSettings(), description="trust, for `server`")
    change_context: str | None = Field(
        None,
        description="context that the jobs that change workloads use, and they alone; default: `context`",
        examples=["production-cutover"],
    )
    change_token: SecretName | None = Field(
        None,
        description="bearer token of the jobs that change workloads, and theirs alone; default: `token`",
        examples=[{"env": "CUTOVER_TOKEN"}],
    )
    dump: FilePath | None = Field(
        None,
        description="folder or file with `kubectl get … -A -o json` output, for clusters out of reach",
        examples=["dumps/production"],
    )
    environment: Environment = Field("production", description="what the cluster is for; decides severity")
    namespaces: Namespaces = Field(
        {},
        description="environments of namespaces that differ from their cluster's, by glob over the whole name; the"
        " first that matches decides, for the monitoring check",
        examples=[{"staging-*": "staging", "sandbox": "testing"}],
    )
    required: bool = Field(True, description="no plan is made unless this cluster was read, whole and lately")
    may_be_missing: tuple[str, ...] = Field(
        (),
        description="resources that may be absent or forbidden: `serving.knative.dev/v1 services`",
        examples=[["serving.knative.dev/v1 services"]],
    )
    custom_resources: tuple[CustomResource, ...] | None = Field(
        None,
        description="custom resources that name images; default: Argo Rollouts, Summerwind runners, Knative,"
        " each excused where the cluster does not know it",
        examples=[
            [
                {
                    "resource": "argoproj.io/v1alpha1 rollouts",
                    "kind": "Rollout",
                    "paths": [".spec.template.spec.containers[].image"],
                }
            ]
        ],
    )
    page_size: int = Field(500, ge=1, le=5000, description="objects asked for in one page")

    @model_validator(mode="after")
    def _one_way(self) -> ClusterSettings:
        ways = {
            "context": self.context is not None,
            "in_cluster": self.in_cluster,
            "server": self.server is not None,
            "dump": self.dump is not None,
        }
        chosen = [way for way, given in ways.items() if given]
        if len(chosen) != 1:
            raise ValueError(f"choose one way to reach the cluster ({', '.join(ways)}), not {len(chosen)}")
        if self.server and not self.token:
            raise ValueError("`server` needs `token`: where its bearer token is")
        return self

    def environment_of(self, namespace: str) -> str:
        """What a namespace of this cluster is for."""
        return environment_of_namespace(self.namespaces, namespace, self.environment)


Severity = Literal["error", "warning"]


class Site(Settings):
    """The whole file."""

    @model_validator(mode="before")
    @classmethod
    def _empty_sections(cls, value: object) -> object:
        """A section of which everything is commented out is as good as absent."""
        if isinstance(value, dict):
            return {key: section for key, section in value.items() if section is not None}
        return value

    clusters: dict[Name, ClusterSettings] = Field({}, description="clusters by the name we give them")
    registries: dict[RegistryName, RegistrySettings] = Field({}, description="registries by the name we give them")
    migrations: dict[Name, MigrationSettings] = Field(
        {}, description="what is moved from registry to registry, by the name we give it; see migration"
    )
    replications: dict[Name, ReplicationSettings] = Field(
        {}, description="standing rules that copy from registry to registry, see replication"
    )
    database: DatabaseSettings = Field(DatabaseSettings(), description="where the history is kept")
    limits: Limits = Field(Limits(), description="the brakes")
    eviction: EvictionSettings = Field(EvictionSettings(), description="how plans are carried out")
    approvals: ApprovalSettings = Field(ApprovalSettings(), description="who decides over plans")
    cutovers: dict[Name, CutoverSettings] = Field(
        {},
        description="workloads to be pointed at another registry, by a name that we give it; see cut-over",
        examples=[{"move": {"clusters": ["production"], "from": "old", "to": "new", "pin": "digest"}}],
    )
    cutover_pod: DeletionPod | None = Field(
        None,
        description="where Dagster runs in Kubernetes: the pod of the jobs that change workloads",
        examples=[{"service_account": "registry-cutover"}],
    )
    schedules: Schedules = Field(Schedules(), description="when the graph is made again")
    severity: dict[Environment, Severity] = Field(
        {"production": "error"},
        description="severity of a finding by the environment of the cluster it hurts; others: warning",
    )
    web: WebSettings = Field(WebSettings(), description="the web service: reports, monitoring, metrics")
    events: dict[Name, EventSettings] = Field({}, description="webhooks that the web service takes, see events")
    versions: VersionsSettings = Field(VersionsSettings(), description="deployed against available versions")
    notifications: tuple[NotificationSettings, ...] = Field((), description="who is told of what, see notifications")
    dagster_address: str | None = Field(
        None,
        description="how people reach the Dagster UI, for links in notifications",
        pattern=r"^https?://[^?#@\s]+$",
        examples=["https://dagster.example.com"],
    )
    policies: tuple[dict[str, Any], ...] = Field(
        (),
        description="retention, first match decides; see policy",
        examples=[[{"repositories": ["**"], "keep_last": 3, "keep_in_use": {"seen_within": "30d"}}]],
    )

    @cached_property
    def directory(self) -> RegistryDirectory:
        """Which registry a written reference means, by every name that the file gives to one."""
        return directory_of(self.registries)

    def names_meant(self, text: str) -> RegistryNames:
        """The names of the registry that a person means by a name of the file or a host, configured or not."""
        if text in self.registries:
            return self.directory.names_of(text)
        return self.directory.names_at(text)

    def registry_of_host(self, host: str) -> str | None:
        """Name of the registry that workloads know as `host`."""
        return self.directory.registry_of(host)

    def environment_of(self, cluster: str, namespace: str) -> str:
        """What a namespace of a cluster is for; `unknown` for a cluster that is not configured."""
        settings = self.clusters.get(cluster)
        return "unknown" if settings is None else settings.environment_of(namespace)

    def severity_of(self, environment: str) -> Severity:
        return self.severity.get(environment, "warning")
