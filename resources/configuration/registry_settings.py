"""The settings of one registry."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import cached_property
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator

from registry_core.host_names import why_no_address, why_no_host, why_no_prefix
from registry_core.registry_directory import RegistryDirectory, RewrittenPrefix
from registry_core.registry_identity import DOCKER_HUB_HOSTS, is_docker_hub, is_loopback, url_host, url_origin
from resources.configuration.base import Settings
from resources.configuration.credential_settings import Credentials, TlsSettings
from resources.configuration.eviction_settings import CollectionSettings, QuarantineSettings
from resources.configuration.provider_settings import ProviderSettings
from resources.configuration.spans import Span


def _is_host(text: str) -> str:
    if (fault := why_no_host(text)) is not None:
        raise ValueError(fault)
    return text


Host = Annotated[str, AfterValidator(_is_host)]
"""A host that references can name, in any spelling."""


class AlsoKnownAs(Settings):
    """A name that an admission webhook or a proxy cache writes for images."""

    prefix: str = Field(
        description="what is written before the name: a host, and whole segments of a path",
        examples=["localhost:7439/registry.example.com"],
    )
    of: str | None = Field(
        None,
        description="the registry whose images these are, by a host of it or by its name here; it may be one that is"
        " not configured; default: this one",
        examples=["docker.io"],
    )

    @field_validator("prefix")
    @classmethod
    def _is_prefix(cls, prefix: str) -> str:
        if (fault := why_no_prefix(prefix)) is not None:
            raise ValueError(fault)
        return prefix


class RegistrySettings(Settings):
    """One registry: how to reach it, how politely, and what to read of it."""

    url: str = Field(
        description="address: `https://registry.example.com`",
        pattern=r"^https?://[^/?#@\s]+/?$",
        examples=["https://registry.example.com"],
    )
    hosts: tuple[Host, ...] = Field(
        (),
        description="names that workloads use for it (`registry.example.com`); default: the host of `url`",
        examples=[["registry.example.com"]],
    )
    also_known_as: tuple[AlsoKnownAs, ...] = Field(
        (),
        description="other beginnings of the names of images, where webhooks or proxies rewrite them; a use under such"
        " a name is a use of the original. Of several that fit, the longest decides",
        examples=[
            [
                {"prefix": "localhost:7439/registry.example.com"},
                {"prefix": "harbor.example.com/proxy-hub", "of": "docker.io"},
            ]
        ],
    )
    expect_no_use: bool = Field(
        False,
        description="make eviction plans also where no workload of any cluster names this registry; otherwise that is"
        " taken for a wrong host",
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

    @field_validator("url")
    @classmethod
    def _is_address(cls, url: str) -> str:
        if (fault := why_no_address(url)) is not None:
            raise ValueError(fault)
        return url

    @property
    def host(self) -> str:
        """Host and port of `url`, in lower case and without the default port."""
        return url_host(self.url)

    @property
    def origin(self) -> str:
        """`url` in one spelling: with whom a plan was made."""
        return url_origin(self.url)

    @property
    def names(self) -> tuple[str, ...]:
        """Hosts by which references name this registry, as they are to be written; Docker Hub has several."""
        return self.hosts or (DOCKER_HUB_HOSTS if is_docker_hub(self.host) else (self.host,))

    @cached_property
    def known_as(self) -> tuple[str, ...]:
        """Every host by which a reference may name this registry: `names`, and the host of `url` itself.

        A loopback address is left out where `hosts` are written: in a reference it means the node.
        """
        if self.hosts and is_loopback(self.host):
            return self.hosts
        reached = (self.host, f"{self.host}:80") if self.origin.startswith("http://") else (self.host,)
        return tuple(dict.fromkeys((*self.names, *reached)))


def directory_of(registries: Mapping[str, RegistrySettings]) -> RegistryDirectory:
    """Which registry a written reference means, by the names that these are given."""
    return RegistryDirectory(
        hosts={name: settings.known_as for name, settings in registries.items()},
        rewritten=tuple(
            RewrittenPrefix(one.prefix, host_meant(one, settings, registries))
            for settings in registries.values()
            for one in settings.also_known_as
        ),
    )


def host_meant(one: AlsoKnownAs, settings: RegistrySettings, registries: Mapping[str, RegistrySettings | None]) -> str:
    """The host whose images an entry of `also_known_as` is about. `settings` are of the registry it is written for."""
    if one.of is None:
        return settings.names[0]
    named = registries.get(one.of)
    return one.of if named is None else named.names[0]
