"""The settings of a site, as a person writes them: clusters, registries, database, limits, policies.

Field descriptions are the documentation: `docs/configure.md` is made from them. Times are written `90s`, `15m`,
`2h`, `30d`. Unknown keys are errors everywhere.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from resources.configuration.approval_settings import ApprovalSettings
from resources.configuration.base import Environment, Settings
from resources.configuration.credential_settings import Credentials, TlsSettings
from resources.configuration.cutover_settings import CutoverSettings
from resources.configuration.database_settings import DatabaseSettings
from resources.configuration.event_settings import EventName, EventSettings
from resources.configuration.eviction_settings import (
    CollectionSettings,
    DeletionPod,
    EvictionSettings,
    QuarantineSettings,
)
from resources.configuration.limit_settings import Limits, Schedules
from resources.configuration.migration_settings import MigrationSettings
from resources.configuration.namespaces import Namespaces, environment_of_namespace
from resources.configuration.notify_settings import NotificationSettings
from resources.configuration.paths import FilePath
from resources.configuration.provider_settings import ProviderSettings
from resources.configuration.replication_settings import ReplicationSettings
from resources.configuration.secrets import SecretName
from resources.configuration.spans import Span
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


#: Hosts of Docker Hub: the one that references name, and those that answer for it.
DOCKER_HUB_HOSTS = ("docker.io", "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com")


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


class RegistrySettings(Settings):
    """One registry: how to reach it, how politely, and what to read of it."""

    url: str = Field(
        description="address: `https://registry.example.com`",
        pattern=r"^https?://[^/?#@\s]+/?$",
        examples=["https://registry.example.com"],
    )
    hosts: tuple[str, ...] = Field(
        (),
        description="names that workloads use for it (`registry.example.com`); default: the host of `url`",
        examples=[["registry.example.com"]],
    )
    ours: bool = Field(
        True,
        description="whether it is in your hands; what is only in registries that are not is told by"
        " `single_copy_report`",
    )
    credentials: Credentials | None = Field(
        None, description="how to sign in; default: not at all", examples=[{"docker_config": "~/.docker/config.json"}]
    )
    delete_credentials: Credentials | None = Field(
        None,
        description="how the jobs that delete and restore sign in, and they alone; default: `credentials`",
        examples=[{"username": "robot$evictions", "password": {"env": "EVICTION_PASSWORD"}}],
    )
    push_credentials: Credentials | None = Field(
        None,
        description="how migrations and replications sign in to write here, and they alone; default: `credentials`",
        examples=[{"username": "robot$migrations", "password": {"env": "MIGRATION_PASSWORD"}}],
    )
    removes_single_tags: bool | Literal["unknown"] = Field(
        "unknown",
        description="whether it can remove a tag and leave the image: distribution 3 can, 2 and GHCR cannot; `unknown`"
        " goes by what the vendor documents of its API, and is no where there is none. Never found out by trial",
    )
    quarantine: QuarantineSettings | None = Field(
        None, description="keep the blobs of evicted images for a while", examples=[{"folder": "quarantine"}]
    )
    collection: CollectionSettings | None = Field(
        None,
        description="how the registry is told to free what deletions left: in its pod, or `harbor` for Harbor's API",
        examples=[{"cluster": "production"}],
    )
    provider: ProviderSettings = Field(
        ProviderSettings(),
        description="whose registry it is, so that the vendor's own API is asked too; default: `auto`, by its host",
        examples=["harbor"],
    )
    tls: TlsSettings = Field(TlsSettings(), description="trust")
    connections: int = Field(16, ge=1, le=256, description="connections at once, over all that we do there")
    requests_per_second: float | None = Field(None, gt=0, description="upper bound; default: none", examples=[50])
    timeout: Span = Field(timedelta(seconds=30), description="wait for an answer this long")
    retries: int = Field(4, ge=0, le=10, description="tries after the first, for what can pass")
    patience: Span = Field(
        timedelta(minutes=5), description="wait no longer than this in all when throttled, for one request"
    )
    repositories: tuple[str, ...] = Field(
        (),
        description="repositories to read where the registry cannot list them; added to what it lists",
        examples=[["team/app"]],
    )
    include: tuple[str, ...] = Field(("**",), description="globs of repositories to read")
    exclude: tuple[str, ...] = Field((), description="globs of repositories to leave out", examples=[["sandbox/**"]])
    referrers_every: Span = Field(
        timedelta(days=7), description="ask the referrers API about an image again after this long"
    )
    check_everything: bool = Field(
        False, description="health of the whole registry, used or not, instead of what is in use"
    )

    @property
    def host(self) -> str:
        """Host and port of `url`."""
        return urlsplit(self.url).netloc

    @property
    def origin(self) -> str:
        """`url` without a slash at its end: with whom a plan was made."""
        return self.url.rstrip("/")

    @property
    def names(self) -> tuple[str, ...]:
        """Hosts by which references name this registry; Docker Hub has several."""
        return self.hosts or (DOCKER_HUB_HOSTS if self.host.lower() in DOCKER_HUB_HOSTS else (self.host,))


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

    clusters: dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")], ClusterSettings] = Field(
        {}, description="clusters by the name we give them"
    )
    registries: dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9.:_-]*$")], RegistrySettings] = Field(
        {}, description="registries by the name we give them"
    )
    migrations: dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")], MigrationSettings] = Field(
        {}, description="what is moved from registry to registry, by the name we give it; see migration"
    )
    replications: dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")], ReplicationSettings] = Field(
        {}, description="standing rules that copy from registry to registry, see replication"
    )
    database: DatabaseSettings = Field(DatabaseSettings(), description="where the history is kept")
    limits: Limits = Field(Limits(), description="the brakes")
    eviction: EvictionSettings = Field(EvictionSettings(), description="how plans are carried out")
    approvals: ApprovalSettings = Field(ApprovalSettings(), description="who decides over plans")
    cutovers: dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")], CutoverSettings] = Field(
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
    events: dict[EventName, EventSettings] = Field({}, description="webhooks that the web service takes, see events")
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
        examples=[[{"repositories": ["**"], "keep_last": 3}]],
    )

    def registry_of_host(self, host: str) -> str | None:
        """Name of the registry that workloads know as `host`."""
        wanted = host.lower()
        for name, settings in self.registries.items():
            if wanted in (known.lower() for known in settings.names):
                return name
        return None

    def environment_of(self, cluster: str, namespace: str) -> str:
        """What a namespace of a cluster is for; `unknown` for a cluster that is not configured."""
        settings = self.clusters.get(cluster)
        return "unknown" if settings is None else settings.environment_of(namespace)

    def severity_of(self, environment: str) -> Severity:
        return self.severity.get(environment, "warning")
