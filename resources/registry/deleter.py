"""The only module that sends DELETE. The deletion job alone imports it, so that nothing else can delete.

Source: OCI distribution specification, "Content Management". Traps: a deletion whose answer was lost may have been
done, so whether the image is still there is asked before anything is said; distribution looks through all tags of a
repository for each DELETE and takes every tag that names the digest; DELETE of a tag takes the whole image at some
registries, so it is for those that are known to take the tag alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from registry_core.errors import DeletionDisabled, RegistryError
from resources.registry.addresses import manifest_url, pull_scope
from resources.registry.connection import RegistryConnection
from resources.registry.reading import ACCEPT_MANIFESTS
from resources.registry.refusals import error_codes, refusal
from resources.registry.transport.engine import Engine, pause
from resources.registry.transport.messages import Answer, Request
from resources.registry.transport.retries import backoff_seconds

Answered = Literal["accepted", "not there"]

#: Statuses by which a registry says no to one image, for good: bad request, denied, conflict, precondition (Harbor:
#: a child of an index, an immutable tag), locked.
REFUSALS = frozenset({400, 403, 409, 412, 422, 423})


@dataclass(frozen=True, slots=True)
class _Deletion(Request):
    """A request that removes something: what `Request` cannot be."""

    methods: ClassVar[frozenset[str]] = frozenset({"DELETE"})


def delete_scope(repository: str) -> str:
    """Scopes by which token servers let us delete: distribution asks for `delete`, some want `*`."""
    return f"repository:{repository}:pull,delete"


class Deleter:
    """Deletes over one connection and one engine. Raises RegistryError; DeletionDisabled where nothing can go."""

    def __init__(self, connection: RegistryConnection, engine: Engine) -> None:
        self._connection = connection
        self._engine = engine

    async def delete_image(self, repository: str, digest: str) -> Answered:
        """Delete a manifest by its digest, with all tags that name it. `accepted` is a promise: see `is_gone`."""
        return await self._delete(repository, digest, f"delete {digest} of {repository}")

    async def delete_tag(self, repository: str, tag: str) -> Answered:
        """Remove one tag and leave its image, at a registry that is known to do just that."""
        return await self._delete(repository, tag, f"remove the tag {tag} of {repository}")

    async def is_gone(self, repository: str, reference: str) -> bool:
        """Whether the registry answers 404. What cannot be told raises."""
        request = Request(
            "HEAD",
            manifest_url(self._connection.url, repository, reference),
            f"look whether {reference} of {repository} is gone",
            scope=pull_scope(repository),
            headers=ACCEPT_MANIFESTS,
            expects=(404,),
        )
        return (await self._connection.exchange(self._engine, request)).status == 404

    async def _delete(self, repository: str, reference: str, wanted: str) -> Answered:
        request = _Deletion(
            "DELETE",
            manifest_url(self._connection.url, repository, reference),
            wanted,
            scope=delete_scope(repository),
            expects=(404, 405),
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
                return self._understood(answer, wanted)
        raise AssertionError("the last try returns or raises")

    def _understood(self, answer: Answer, wanted: str) -> Answered:
        if answer.status == 404:
            return "not there"
        if answer.status == 405:
            raise self._disabled(answer, wanted)
        return "accepted"

    def _disabled(self, answer: Answer, wanted: str) -> DeletionDisabled:
        refused = refusal(answer, wanted, self._connection.label)
        codes, _ = error_codes(answer.body)
        return DeletionDisabled(
            f"{self._connection.label}: could not {wanted}: deletion is disabled there (405"
            f"{' ' + ', '.join(codes) if codes else ''}). For distribution set `storage.delete.enabled: true` in its"
            " configuration (or REGISTRY_STORAGE_DELETE_ENABLED=true), start it again, then start this plan again",
            fault=refused.fault,
            status=405,
            codes=codes,
        )
