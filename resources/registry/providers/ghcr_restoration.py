"""Restoration at GHCR: for 30 days a deleted version comes back, with its layers and the tags that it had.

Source: docs.github.com/rest/packages/packages. Traps: it needs `write:packages`, which deleting does not; an image
that was deleted twice has two deleted versions, of which the newer counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from registry_core.errors import RegistryError
from resources.configuration.provider_settings import GhcrSettings
from resources.configuration.registry_settings import RegistrySettings
from resources.registry.providers.api_client import Query, SignIn
from resources.registry.providers.ghcr import Ghcr, Packages, explain
from resources.registry.providers.posting_client import PostingApiClient
from resources.registry.providers.vendor_restoration import VendorRestoration


class GhcrRestoration(VendorRestoration):
    """Needs the scopes `read:packages` and `write:packages`, and admin rights on the package."""

    title: ClassVar[str] = Ghcr.title

    def __init__(self, label: str, settings: RegistrySettings, own: GhcrSettings, sign_in: SignIn) -> None:
        self._client = PostingApiClient(f"{label}: GitHub", own.api, settings, sign_in, explain=explain)
        self._packages = Packages(self._client, own)
        self._numbers: dict[str, dict[str, int]] = {}  # of deleted versions, by repository and digest

    def restore_image(self, repository: str, digest: str, tags: Sequence[str]) -> None:
        number = self._deleted(repository).pop(digest, None)
        wanted = f"restore {digest} of {repository}"
        if number is None:
            raise RegistryError(
                f"{self._client.label}: could not {wanted}: it is not among the deleted versions; GitHub keeps them for"
                " 30 days",
                fault="missing",
            )
        path = f"{self._packages.path_of(repository)}/versions/{number}/restore"
        self._client.send(path, Query(wanted, method="POST"))

    def close(self) -> None:
        self._client.close()

    def _deleted(self, repository: str) -> dict[str, int]:
        """Listed once for all restorations of a repository; a list that broke off is read again."""
        if repository not in self._numbers:
            found: dict[str, int] = {}
            try:
                for one in self._packages.versions(repository, state="deleted"):
                    if isinstance(one.get("id"), int):
                        name = str(one.get("name"))
                        found[name] = max(one["id"], found.get(name, 0))
            except RegistryError as error:
                if error.fault == "missing":  # the package itself is gone: its other images need not ask again
                    self._numbers[repository] = {}
                raise
            self._numbers[repository] = found
        return self._numbers[repository]
