"""The requests that delete: the registry's own, or those of its vendor's API. What they did is read back elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from registry_core.errors import RegistryError
from resources.registry.connection import RegistryConnection
from resources.registry.deleter import REFUSALS, Answered, Deleter
from resources.registry.providers.chosen_deletion import deletion_of
from resources.registry.providers.vendor_deletion import VendorDeletion
from resources.registry.transport.engine import Engine, pause

_THREAD_SEEN_EVERY_SECONDS = 0.01


class DeleteRequests:
    """The registry's own DELETE. `is_gone` is asked from the registry, whoever deletes. All raise RegistryError."""

    def __init__(self, deleter: Deleter) -> None:
        self._deleter = deleter

    async def is_gone(self, repository: str, reference: str) -> bool:
        return await self._deleter.is_gone(repository, reference)

    async def delete_image(self, repository: str, digest: str) -> Answered:
        return await self._deleter.delete_image(repository, digest)

    async def delete_tag(self, repository: str, tag: str) -> Answered:
        return await self._deleter.delete_tag(repository, tag)

    def says_no(self, error: RegistryError) -> str:
        """In which words this one image is refused; empty where the error is something else."""
        return ", ".join(error.codes) or str(error.status) if error.status in REFUSALS else ""

    def may_be_done(self, error: RegistryError) -> bool:
        """Whether the registry can still tell what became of a request that failed so."""
        return not is_hopeless(error)


class VendorDeleteRequests(DeleteRequests):
    """The vendor's API. It blocks, so threads wait for it: one for each repository that is under way."""

    def __init__(self, deleter: Deleter, vendor: VendorDeletion, threads: ThreadPoolExecutor) -> None:
        super().__init__(deleter)
        self._vendor, self._threads = vendor, threads

    async def delete_image(self, repository: str, digest: str) -> Answered:
        answered = await self._ask(self._vendor.delete_image, repository, digest)
        if not self._vendor.only_tags or await self.is_gone(repository, digest):
            return answered
        rest = await super().delete_image(repository, digest)
        return "accepted" if "accepted" in (answered, rest) else "not there"

    async def delete_tag(self, repository: str, tag: str) -> Answered:
        return await self._ask(self._vendor.remove_tag, repository, tag)

    def says_no(self, error: RegistryError) -> str:
        """The code, and what the vendor says: one code stands for many of its rules."""
        refused = super().says_no(error)
        if not refused and error.status == 200 and error.fault == "forbidden":  # ECR reports failures in a 200
            refused = ", ".join(error.codes)
        return f"{refused}: {error}" if refused else ""

    def may_be_done(self, error: RegistryError) -> bool:
        """The vendor's API may be away while the registry answers."""
        return error.fault == "unreachable" or super().may_be_done(error)

    async def _ask(self, verb: Callable[[str, str], Answered], repository: str, reference: str) -> Answered:
        asked = self._threads.submit(verb, repository, reference)
        while not asked.done():
            await pause(_THREAD_SEEN_EVERY_SECONDS)
        return asked.result()


def delete_requests(connection: RegistryConnection, engine: Engine, opened: ExitStack) -> DeleteRequests:
    """Those of the vendor where the registry has one that deletes; they end with `opened`."""
    deleter = Deleter(connection, engine)
    vendor = deletion_of(connection, connection.credentials)
    if vendor is None:
        return DeleteRequests(deleter)
    opened.callback(vendor.close)
    # Leaving waits for what is under way: nothing is deleted after the plan was let go.
    threads = opened.enter_context(ThreadPoolExecutor(connection.settings.connections, "vendor-deletion"))
    opened.callback(threads.shutdown, wait=False, cancel_futures=True)
    return VendorDeleteRequests(deleter, vendor, threads)


def is_hopeless(error: RegistryError) -> bool:
    """Whether every other request would fail as well."""
    away = error.fault == "unreachable" and error.status is None
    return error.status == 401 or error.fault == "throttled" or away
