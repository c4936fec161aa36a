"""Deletion at GHCR: versions by their number, found by their digest."""

from __future__ import annotations

from typing import ClassVar

from resources.configuration.provider_settings import GhcrSettings
from resources.configuration.registry_settings import RegistrySettings
from resources.registry.providers.api_client import Query, SignIn
from resources.registry.providers.ghcr import Ghcr, Packages, explain
from resources.registry.providers.vendor_deletion import Answered, DeletingApiClient, VendorDeletion


class GhcrDeletion(VendorDeletion):
    """Needs the scope `delete:packages`, and admin rights on the package."""

    title: ClassVar[str] = Ghcr.title

    def __init__(self, label: str, settings: RegistrySettings, own: GhcrSettings, sign_in: SignIn) -> None:
        self._client = DeletingApiClient(f"{label}: GitHub", own.api, settings, sign_in, explain=explain)
        self._packages = Packages(self._client, own)
        self._numbers: dict[str, dict[str, int]] = {}  # by repository and digest

    def delete_image(self, repository: str, digest: str) -> Answered:
        number = self._number_of(repository, digest)
        if number is None:
            return "not there"
        query = Query(f"delete {digest} of {repository}", method="DELETE", expects=(404,))
        answer = self._client.send(f"{self._packages.path_of(repository)}/versions/{number}", query)
        del self._numbers[repository][digest]
        return "not there" if answer.status == 404 else "accepted"

    def close(self) -> None:
        self._client.close()

    def _number_of(self, repository: str, digest: str) -> int | None:
        """Versions are listed once for all deletions of a repository, and again for a digest that is not known."""
        known = self._numbers.get(repository, {})
        if digest not in known:
            known = {str(one.get("name")): one["id"] for one in self._packages.versions(repository) if "id" in one}
            self._numbers[repository] = known
        return known.get(digest)
