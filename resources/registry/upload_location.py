"""Where an open upload goes on. Its address changes with every answer, and may be relative.

Source: OCI distribution specification, "Pushing a blob in chunks". The answer to our own POST may name another host, a
blob store for instance; later answers may only name that one or the registry itself. Whether credentials travel along
is decided for each request by its origin, so another host never gets any.
"""

from __future__ import annotations

from registry_core.errors import RegistryError
from resources.registry.transport.foreign_addresses import NotAnAddress, resolve
from resources.registry.transport.messages import Answer, origin, redacted

_ADVICE = (
    "check the registry's own address settings (`http.host` or `http.relativeurls` of distribution) and what proxies"
    " before it send as X-Forwarded-Proto and X-Forwarded-Host"
)


class UploadLocation:
    """The address of one open upload. Raises RegistryError for a place where it must not go."""

    def __init__(self, label: str, registry_url: str, wanted: str, begun: Answer) -> None:
        self._label = label
        self._wanted = wanted
        self._origins = {origin(registry_url)}
        self._secure = registry_url.startswith("https:")
        self.url = self._resolved(begun)
        self._origins.add(origin(self.url))

    def move(self, answer: Answer) -> None:
        """Go on where a later answer says; stay where it says nothing."""
        if answer.header("location"):
            url = self._resolved(answer)
            if origin(url) not in self._origins:
                raise self._refused(
                    answer,
                    f"its upload is to go on at {redacted(url)}, a host that the answer to its begin did not name",
                )
            self.url = url

    def closing(self, digest: str) -> str:
        """The address of the request that ends the upload; `digest` as it is quoted in a query."""
        return f"{self.url}{'&' if '?' in self.url else '?'}digest={digest}"

    def _resolved(self, answer: Answer) -> str:
        try:
            url = resolve(answer.url, answer.header("location") or "")
        except NotAnAddress as error:
            raise self._refused(answer, f"its upload is to go on at no place: {error}") from error
        if self._secure and not url.startswith("https:"):
            raise self._refused(answer, f"its upload is to go on in the clear ({redacted(url)})")
        return url

    def _refused(self, answer: Answer, why: str) -> RegistryError:
        return RegistryError(
            f"{self._label}: could not {self._wanted}: {why}, and nothing was sent there; {_ADVICE}",
            fault="unreachable",
            status=answer.status,
        )
