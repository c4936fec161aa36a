"""The key `provider` of a registry: whose registry it is, and what the vendor's own API needs beside the address.

Nothing here is needed for a plain registry. A vendor's API tells what the OCI API does not: which repositories
there are, when an image was pushed and pulled, what is protected.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from resources.configuration.base import Settings
from resources.configuration.paths import FilePath
from resources.configuration.secrets import SecretName

Address = Annotated[str, Field(pattern=r"^https?://[^?#@\s]+$")]


class GhcrSettings(Settings):
    """GitHub's container registry, or that of a GitHub Enterprise server."""

    owner: str | None = Field(
        None, description="organization or user whose packages are listed; default: none is listed", examples=["acme"]
    )
    kind: Literal["organization", "user"] | None = Field(
        None, description="what the owner is; default: GitHub is asked"
    )
    token: SecretName | None = Field(
        None,
        description="where a personal access token (classic) with `read:packages` is (`delete:packages` to delete,"
        " `write:packages` to restore);"
        " default: the password of `credentials`",
        examples=[{"env": "GITHUB_TOKEN"}],
    )
    api: Address = Field(
        "https://api.github.com", description="address of the REST API; of an Enterprise server: `https://HOST/api/v3`"
    )


class HarborSettings(Settings):
    """Harbor 2. It is asked with `credentials`: a robot account, or a user."""

    api: Address | None = Field(None, description="address of Harbor; default: `url`")
    projects: tuple[str, ...] = Field(
        (), description="projects to list; default: all that the account sees", examples=[["library"]]
    )


class DockerHubSettings(Settings):
    """Docker Hub. It is asked with `credentials` (a user and an access token), or as nobody."""

    namespaces: tuple[str, ...] = Field(
        (), description="organizations and users whose repositories are listed", examples=[["acme"]]
    )
    reserve: float = Field(
        0.1,
        ge=0,
        le=1,
        description="part of the pull limit that is left to the clusters: manifests that are not known yet are read"
        " until only that is left, then the catalog is incomplete, and the next run goes on",
    )
    api: Address = Field("https://hub.docker.com", description="address of the Hub API")


class QuaySettings(Settings):
    """Quay, of Red Hat or one's own."""

    namespaces: tuple[str, ...] = Field(
        (), description="organizations and users whose repositories are listed", examples=[["acme"]]
    )
    token: SecretName | None = Field(
        None,
        description="where an OAuth access token with `repo:read` is; a robot account cannot ask this API",
        examples=[{"env": "QUAY_TOKEN"}],
    )
    api: Address | None = Field(None, description="address of the API; default: `url`")


class AzureSettings(Settings):
    """Azure Container Registry. Signs in to the registry too where `credentials` is not given."""

    tenant: str | None = Field(None, description="tenant of the service principal", examples=["contoso.example.com"])
    client_id: str | None = Field(None, description="id of the service principal")
    client_secret: SecretName | None = Field(
        None, description="where its secret is", examples=[{"env": "AZURE_CLIENT_SECRET"}]
    )
    token: SecretName | None = Field(None, description="where an Entra access token is, instead of a service principal")
    authority: Address = Field("https://login.microsoftonline.com", description="address that gives Entra tokens")

    @model_validator(mode="after")
    def _one_way(self) -> AzureSettings:
        principal = (self.tenant, self.client_id, self.client_secret)
        if any(principal) and not all(principal):
            raise ValueError("`tenant`, `client_id` and `client_secret` go together")
        if self.token and any(principal):
            raise ValueError("choose `token` or a service principal, not both")
        return self


class EcrSettings(Settings):
    """Amazon ECR, through boto3 (extra `ecr`): the keys come as AWS's own tools find them. Signs in too."""

    region: str | None = Field(None, description="region; default: that of the host", examples=["eu-central-1"])
    account: str | None = Field(None, description="account that owns the registry; default: that of the host")
    profile: str | None = Field(None, description="profile of the AWS configuration")
    api: Address | None = Field(None, description="address of the API, for private endpoints")


class GoogleSettings(Settings):
    """Google Artifact Registry. Signs in to the registry too where `credentials` is not given."""

    project: str | None = Field(None, description="project whose repositories are listed", examples=["acme-prod"])
    location: str | None = Field(None, description="location; default: that of the host", examples=["europe-west3"])
    key_file: FilePath | None = Field(None, description="key of a service account (JSON); needs the extra `google`")
    token: SecretName | None = Field(
        None, description="where an access token is; default: application default credentials (extra `google`)"
    )
    api: Address = Field("https://artifactregistry.googleapis.com", description="address of the API")


class IbmSettings(Settings):
    """IBM Cloud Container Registry (`icr.io`). Signs in to the registry too where `credentials` is not given."""

    account: str = Field(description="id of the account")
    api_key: SecretName = Field(description="where the API key is", examples=[{"env": "IBMCLOUD_API_KEY"}])
    api: Address | None = Field(None, description="address of the registry's API; default: `url`")
    iam: Address = Field("https://iam.cloud.ibm.com", description="address that gives IAM tokens")


class AliyunSettings(Settings):
    """Alibaba Cloud Container Registry, Enterprise Edition. Signs in too where `credentials` is not given."""

    instance: str = Field(description="id of the instance", examples=["cri-0123456789abcdef"])
    region: str = Field(description="region of the instance", examples=["eu-central-1"])
    access_key_id: str = Field(description="id of the access key of a RAM user")
    access_key_secret: SecretName = Field(description="where its secret is", examples=[{"env": "ALIYUN_SECRET"}])
    api: Address | None = Field(None, description="address of the API; default: `https://cr.REGION.aliyuncs.com`")


class ProviderSettings(Settings):
    """Whose registry it is: one of these; `auto` goes by the host; `plain` asks the OCI API alone."""

    plain: bool = Field(False, description="ask no vendor's API; written `provider: plain`")
    ghcr: GhcrSettings | None = Field(None, description="GitHub", examples=[{"owner": "acme"}])
    harbor: HarborSettings | None = Field(None, description="Harbor; written `provider: harbor`", examples=[{}])
    docker_hub: DockerHubSettings | None = Field(None, description="Docker Hub", examples=[{"namespaces": ["acme"]}])
    quay: QuaySettings | None = Field(None, description="Quay", examples=[{"namespaces": ["acme"]}])
    azure: AzureSettings | None = Field(None, description="Azure Container Registry")
    ecr: EcrSettings | None = Field(None, description="Amazon ECR", examples=[{"region": "eu-central-1"}])
    google: GoogleSettings | None = Field(None, description="Google Artifact Registry", examples=[{"project": "acme"}])
    ibm: IbmSettings | None = Field(None, description="IBM Cloud Container Registry")
    aliyun: AliyunSettings | None = Field(None, description="Alibaba Cloud Container Registry")

    @model_validator(mode="before")
    @classmethod
    def _by_a_word(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        if value == "auto":
            return {}
        if value == "plain":
            return {"plain": True}
        if value in cls.model_fields:
            return {value: {}}
        raise ValueError(f"write `auto`, `plain`, or one of {', '.join(list(cls.model_fields)[1:])}, not `{value}`")

    @model_validator(mode="after")
    def _one_vendor(self) -> ProviderSettings:
        if len(named := [*self.vendors, *(["plain"] if self.plain else [])]) > 1:
            raise ValueError(f"a registry has one vendor: keep one of {', '.join(named)}")
        return self

    @property
    def vendors(self) -> tuple[str, ...]:
        """The vendor that is named, if any; empty means `auto`, unless `plain`."""
        return tuple(name for name in type(self).model_fields if name != "plain" and getattr(self, name) is not None)
