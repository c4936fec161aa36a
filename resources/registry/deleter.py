"""The only module that sends DELETE. The deletion job alone imports it, so that nothing else can delete.

Source: OCI distribution specification, "Content Management". Traps: a deletion whose answer was lost may have been
done, so whether the image is still there is asked before anything is said; distribution looks through all tags of a
repository for each DELETE and takes every tag that names the digest; DELETE of a tag takes the whole image at some
registries, so it is for those that are known to take the tag alone. 405 is the answer of a registry that deletes
nothing, and of one where this image is locked: only its other answers tell which.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from registry_core.errors import DeletionDisabled, RegistryError
from resources.registry.addresses import manifest_url
from resources.registry.connection import RegistryConnection
from resources.registry.reading import Reader
from resources.registry.transport.engine import Engine, pause
from resources.registry.transport.messages import Request
from resources.registry.transport.retries import backoff_seconds

Answered = Literal["accepted", "not there"]

#: Statuses by which a registry says no to one image, for good: bad request, denied, not allowed, conflict,
#: precondition (Harbor: a child of an index, an immutable tag), locked.
REFUSALS = frozenset({400, 403, 405, 409, 412, 422, 423})


@dataclass(frozen=True, slots=True)
class _Deletion(Request):
    """A request that removes something: what `Request` cannot be."""

    methods: ClassVar[frozenset[str]] = frozenset({"DELETE"})


def delete_scope(repository: str) -> str:
    """Scopes by which token servers let us delete: distribution asks for `delete`, some want `*`."""
    return f"repository:{repository}:pull,delete"


class Deleter:
    """Deletes over one connection and one engine. Raises RegistryError."""

    def __init__(self, connection: RegistryConnection, engine: Engine) -> None:
        self._connection = connection
        self._engine = engine
        self._reader = Reader(connection, engine)

    async def delete_image(self, repository: str, digest: str) -> Answered:
        """Delete a manifest by its digest, with all tags that name it. `accepted` is a promise: see `is_gone`."""
        return await self._delete(repository, digest, f"delete {digest} of {repository}")

    async def delete_tag(self, repository: str, tag: str) -> Answered:
        """Remove one tag and leave its image, at a registry that is known to do just that."""
        return await self._delete(repository, tag, f"remove the tag {tag} of {repository}")

    async def is_gone(self, repository: str, reference: str) -> bool:
        """Whether a tag or digest is not there any more (`Reader.find`). What cannot be told raises."""
        return await self._reader.find(repository, reference) is None

    async def _delete(self, repository: str, reference: str, wanted: str) -> Answered:
        request = _Deletion(
            "DELETE",
            manifest_url(self._connection.url, repository, reference),
            wanted,
            scope=delete_scope(repository),
            expects=(404,),
            repeatable=False,
        )
        for tries in range(1, self._connection.settings.retries + 2):
            try:
                answer = await self._connection.exchange(self._engine, request)
            except RegistryError as error:
                if not error.retryable or error.fault == "throttled":
                    raise
                # Done, and only the answer was lost?
                if await self.is_gone(repository, reference):
                    return "accepted"
                if tries > self._connection.settings.retries:
                    raise
                await pause(backoff_seconds(tries))
            else:
                return "not there" if answer.status == 404 else "accepted"
        raise AssertionError("the last try returns or raises")


def deletion_disabled(label: str, refused: RegistryError) -> DeletionDisabled:
    """The error for a registry that has answered 405 to every deletion so far, made of one such answer."""
    codes = f" {', '.join(refused.codes)}" if refused.codes else ""
    return DeletionDisabled(
        f"{label}: deletion is disabled there: it answered 405{codes} to every deletion so far. For distribution set"
        " `storage.delete.enabled: true` in its configuration (or REGISTRY_STORAGE_DELETE_ENABLED=true) and start it"
        " again; elsewhere look whether these images are locked. Then start this plan again",
        fault=refused.fault,
        status=405,
        codes=refused.codes,
    )
