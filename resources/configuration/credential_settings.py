"""How to sign in to a registry, and how to trust it."""

from __future__ import annotations

from pydantic import Field, model_validator

from resources.configuration.base import Settings
from resources.configuration.paths import FilePath
from resources.configuration.secrets import NamespacedName, SecretName


class Credentials(Settings):
    """How to sign in to a registry: one of the four ways. Only places are named, never a password."""

    username: str | None = Field(None, description="user or robot name, with `password`", examples=["robot$pipelines"])
    password: SecretName | None = Field(
        None, description="where the password or access token is", examples=[{"env": "HARBOR_PASSWORD"}]
    )
    token: SecretName | None = Field(
        None,
        description="where a registry bearer token is, used as it is",
        examples=[{"file": "/run/secrets/registry-token"}],
    )
    docker_config: FilePath | None = Field(
        None, description="path of a docker `config.json`", examples=["~/.docker/config.json"]
    )
    kubernetes_secret: NamespacedName | None = Field(
        None,
        description="`namespace/name` of a pull secret in the cluster named by `cluster`",
        examples=["platform/pull-secret"],
    )
    cluster: str | None = Field(None, description="cluster that holds `kubernetes_secret`", examples=["production"])

    @model_validator(mode="after")
    def _one_way(self) -> Credentials:
        ways = {
            "username and password": self.password is not None,
            "token": self.token is not None,
            "docker_config": self.docker_config is not None,
            "kubernetes_secret": self.kubernetes_secret is not None,
        }
        chosen = [way for way, given in ways.items() if given]
        if len(chosen) != 1:
            raise ValueError(f"choose one way to sign in ({', '.join(ways)}), not {len(chosen)}")
        if (self.username is None) != (self.password is None):
            raise ValueError("`username` and `password` go together")
        if self.kubernetes_secret and not self.cluster:
            raise ValueError("`kubernetes_secret` needs `cluster`: the name of the cluster that holds it")
        return self


class TlsSettings(Settings):
    """How to trust the other side."""

    ca: FilePath | None = Field(
        None, description="path of a PEM file with the authorities to trust", examples=["site-ca.pem"]
    )
    insecure: bool = Field(False, description="accept any certificate; say yes only for a test")
