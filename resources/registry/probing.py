"""Probes: is this manifest or blob there to be pulled? Many at once, one HEAD each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from registry_core.coverage import Fault
from registry_core.errors import RegistryError
from resources.registry.asking import answers
from resources.registry.connection import RegistryConnection
from resources.registry.reading import Reader
from resources.registry.transport.messages import MEBIBYTE

_LARGEST_READ_BYTES = 8 * MEBIBYTE


@dataclass(frozen=True, slots=True)
class Probe:
    """One question: is `digest` in `repository`? `either`: a blob, or a manifest where there is no such blob.

    `size_bytes` is what its descriptor promises, None where nothing does. `read` asks for the whole body and
    proves the digest, for what is small (a manifest, a config); otherwise only presence and size are told.
    """

    repository: str
    digest: str
    kind: Literal["manifest", "blob", "either"]
    size_bytes: int | None = None
    read: bool = False


@dataclass(frozen=True, slots=True)
class Probed:
    """The answer: `fault` None means there, and of the promised size."""

    probe: Probe
    fault: Fault | None = None
    detail: str = ""  #: one sentence for a person where there is a fault
    size_bytes: int | None = None  #: as the registry tells it


def probe_all(connection: RegistryConnection, probes: Iterable[Probe]) -> Iterator[Probed]:
    """Ask them all; answers come as they arrive, in no promised order, one for each probe.

    What the registry fails to tell is a fault of the answer (`unreachable`, `throttled`, `forbidden`); nothing
    is raised for it. The probes are taken one by one as there is room, so they may be very many.
    """
    return answers(connection, probes, _ask)


async def _ask(reader: Reader, probe: Probe) -> Probed:
    try:
        size_bytes = await _size_of(reader, probe)
    except RegistryError as error:
        return Probed(probe, error.fault, str(error))
    if probe.size_bytes is not None and size_bytes is not None and size_bytes != probe.size_bytes:
        detail = (
            f"{reader.connection.label}: {probe.kind} {probe.digest} of {probe.repository} has {size_bytes} bytes"
            f" instead of {probe.size_bytes}; push it again"
        )
        return Probed(probe, "corrupt", detail, size_bytes)
    return Probed(probe, size_bytes=size_bytes)


async def _size_of(reader: Reader, probe: Probe) -> int | None:
    if probe.kind == "either":
        try:
            return await reader.blob_size(probe.repository, probe.digest)
        except RegistryError as error:
            if error.fault != "missing":
                raise
    if probe.kind != "blob":
        if probe.read:
            return len((await reader.manifest(probe.repository, probe.digest)).body)
        return (await reader.head_manifest(probe.repository, probe.digest))[2]
    if probe.read:
        body = await reader.small_blob(
            probe.repository, probe.digest, "blob", limit_bytes=max(_LARGEST_READ_BYTES, probe.size_bytes or 0)
        )
        return len(body)
    return await reader.blob_size(probe.repository, probe.digest)
