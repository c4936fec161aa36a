"""What the vendor of a registry holds in place now: immutable tags, locks, retention that keeps."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from registry_core.eviction_use import Image
from resources.connections import Connections
from resources.registry.providers.interface import Provider, RepositoryDetails


class VendorProtection:
    """Asks the vendor once for each repository of a plan; asks nobody where the registry has no API beside OCI's.

    A vendor that cannot lock anything is not asked. Trap: it is what was true when the repository was first asked
    about; rules made later are the vendor's to enforce.
    """

    def __init__(self, connections: Connections, registry: str) -> None:
        self._provider = connections.provider(registry)
        self._at_once = connections.registry_settings(registry).connections
        self._known: dict[str, RepositoryDetails] = {}

    def of(self, repositories: Iterable[str]) -> tuple[dict[Image, str], dict[str, str]]:
        """(`vendor: words` by protected image, why by repository that could not be read).

        Whatever could not be read counts, guessed vendors and excused gaps too: nobody knows what is held there.
        Raises ConfigError where a vendor that the settings name cannot be asked at all.
        """
        provider = self._provider
        if provider is None or provider.capabilities.locks.verdict == "no":
            return {}, {}
        details = self._details(provider, list(repositories))
        held = {
            (one.repository, image.digest): f"{provider.title}: {'; '.join(image.protection)}"
            for one in details
            for image in one.images.values()
            if image.protection
        }
        unread = {
            one.repository: f"what {provider.title} protects is not known: {one.gap.detail}"
            for one in details
            if one.gap is not None
        }
        return held, unread

    def _details(self, provider: Provider, repositories: list[str]) -> list[RepositoryDetails]:
        new = [name for name in repositories if name not in self._known]
        if new:
            with ThreadPoolExecutor(min(self._at_once, len(new)), "vendor-protection") as threads:
                read = list(threads.map(provider.details, new))
            # What failed is asked again in the next wave.
            self._known.update({one.repository: one for one in read if one.gap is None})
            return [*read, *(self._known[name] for name in repositories if name not in set(new))]
        return [self._known[name] for name in repositories]
