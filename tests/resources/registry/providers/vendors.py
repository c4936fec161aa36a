"""Providers and connections to emulators, as a site's file would make them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from resources.configuration.registry_settings import RegistrySettings
from resources.registry.connection import RegistryConnection
from resources.registry.crawling.crawl import Crawl
from resources.registry.providers.choice import provider_of
from resources.registry.providers.chosen_deletion import deletion_of
from resources.registry.providers.chosen_restoration import restoration_of
from resources.registry.providers.interface import Provider
from resources.registry.providers.vendor_deletion import VendorDeletion
from resources.registry.providers.vendor_restoration import VendorRestoration
from resources.registry.sign_in.login import Credential, Login

AS_OF = datetime(2026, 3, 1, tzinfo=UTC)


def settings_of(url: str, provider: object, **keywords: Any) -> RegistrySettings:
    patient = {"retries": 1, "timeout": timedelta(seconds=10), "patience": timedelta(seconds=10)}
    return RegistrySettings.model_validate({"url": url, "provider": provider, **patient, **keywords})


def connected(
    url: str, provider: object, credential: Credential | None = None, **keywords: Any
) -> tuple[RegistryConnection, Provider]:
    """The registry and its vendor's API."""
    connection = RegistryConnection("test", settings_of(url, provider, **keywords), lambda: credential)
    found = provider_of(connection, lambda: credential)
    assert found is not None
    return connection, found


def deletion_at(url: str, provider: object, credential: Credential | None = None, **keywords: Any) -> VendorDeletion:
    connection = RegistryConnection("test", settings_of(url, provider, **keywords), lambda: credential)
    found = deletion_of(connection, lambda: credential)
    assert found is not None
    return found


def restoration_at(url: str, provider: object, **keywords: Any) -> VendorRestoration:
    found = restoration_of(RegistryConnection("test", settings_of(url, provider, **keywords)))
    assert found is not None
    return found


def crawled(url: str, provider: object, credential: Credential | None = None, **keywords: Any) -> Crawl:
    """A crawl with the vendor beside it, not begun."""
    connection, found = connected(url, provider, credential, **keywords)
    return Crawl(connection, AS_OF, provider=found)


ROBOT = Login("robot$pipelines", "robot-secret-4711")
ADMIN = Login("admin", "admin-secret-4711")
