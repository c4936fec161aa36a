"""Try the vendor's own API of a registry, and show what it can do."""

from __future__ import annotations

from collections.abc import Iterator

from registry_core.errors import RegistryError, RegistryPipelinesError
from registry_pipelines.cli.diagnosis import Diagnosis, State
from resources.registry.addresses import manifest_url, pull_scope
from resources.registry.connection import RegistryConnection
from resources.registry.providers.choice import provider_of
from resources.registry.providers.docker_hub import DockerHub
from resources.registry.providers.interface import Provider
from resources.registry.pull_limit import PullAllowance
from resources.registry.reading import ACCEPT_MANIFESTS, Reader
from resources.registry.sign_in.login import CredentialSource
from resources.registry.transport.messages import Request

#: What Docker keeps for asking how many pulls are left; a HEAD of it costs none.
_ALLOWANCE = "ratelimitpreview/test"


def diagnose_vendor(subject: str, connection: RegistryConnection, credentials: CredentialSource) -> Iterator[Diagnosis]:
    """Rows for the vendor that the settings or the host name; none for a plain registry."""
    try:
        provider = provider_of(connection, credentials)
    except RegistryPipelinesError as error:
        yield Diagnosis(subject, "vendor's API", "fails", str(error))
        return
    if provider is None:
        return
    try:
        yield _listing(subject, provider)
        if isinstance(provider, DockerHub):
            yield from _pulls_left(subject, connection)
        for name, capability in provider.capabilities.rows():
            yield Diagnosis(subject, name, "note", f"{capability.verdict}: {capability.told}")
    except RegistryPipelinesError as error:  # a token that cannot be read, boto3 that is not installed
        yield Diagnosis(subject, f"ask {provider.title}", "fails", str(error))
    finally:
        provider.close()


def _listing(subject: str, provider: Provider) -> Diagnosis:
    tried = f"ask {provider.title}"
    if not provider.can_list:
        told = "asked for times only: `provider` does not say of whom repositories are to be listed"
        return Diagnosis(subject, tried, "note", told)
    listed = provider.repositories()
    if listed.gap is not None:
        by_host: State = "warning" if provider.by_host else "fails"
        return Diagnosis(subject, tried, by_host, listed.gap.detail)
    return Diagnosis(subject, tried, "ok", f"repositories that it lists: {len(listed.names):,}")


def _pulls_left(subject: str, connection: RegistryConnection) -> Iterator[Diagnosis]:
    request = Request(
        "HEAD",
        manifest_url(connection.url, _ALLOWANCE, "latest"),
        "ask how many pulls are left",
        scope=pull_scope(_ALLOWANCE),
        headers=ACCEPT_MANIFESTS,
    )
    try:
        with connection.engine() as engine:
            answer = engine.run(Reader(connection, engine).exchange(request))
    except RegistryError as error:
        yield Diagnosis(subject, "pulls left", "warning", str(error))
        return
    allowance = PullAllowance.read(answer.header("ratelimit-limit"), answer.header("ratelimit-remaining"))
    yield Diagnosis(subject, "pulls left", "ok", str(allowance) if allowance else "no limit is told")
