"""The catalog: a snapshot of what a registry holds, as values that are written and frames that are read.

What is *named* (tags, images of a repository) changes and is kept as sightings with `first_seen_at` and
`last_seen_at`. What is *known by its digest* (a manifest and all that can be read out of it) never changes and
is kept once, whatever registry showed it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from registry_core.coverage import Fault, Gap
from registry_core.media_types import ListedKind

if TYPE_CHECKING:
    import pandas as pd  # half a second that a reader of values need not wait


@dataclass(frozen=True, slots=True)
class TagSeen:
    """One tag that a registry listed, and what it resolved to.

    A tag that the registry lists and then answers 404 for has no digest and the fault `missing`: that is an
    answer. `forbidden`, `unreachable` and `throttled` mean that we do not know.
    """

    repository: str
    tag: str
    digest: str | None
    fault: Fault | None = None
    detail: str = ""


HowFound = Literal["tag", "child", "referrer", "digest"]


@dataclass(frozen=True, slots=True)
class ImageSeen:
    """One manifest of a repository: reached by a tag, as a child of an index, as a referrer, or by digest.

    `fault` says why its manifest could not be read: an index that lists a child which the registry has lost gives the
    child a row with the fault `missing`. `config_fault` says why its config could not be; then the image is there, and
    cannot be run. `detail` belongs to the one that is set.
    """

    repository: str
    digest: str
    found_by: HowFound
    pushed_at: datetime | None = None  #: where the registry tells; plain OCI does not
    pulled_at: datetime | None = None  #: last pull, where the registry tells
    referrers_read_at: datetime | None = None  #: when the referrers API was last asked about it
    fault: Fault | None = None
    config_fault: Fault | None = None
    detail: str = ""
    protection: str | None = None  #: why the vendor will not let it be deleted; None where nothing is known to hold it
    protection_fault: Fault | None = None  #: then `protection` says why nobody knows what holds it


@dataclass(frozen=True, slots=True)
class ManifestFacts:
    """What a manifest says of itself, forever: kept once by digest, with its bytes.

    `created_at`, `os`, `architecture` and `variant` come from the config blob; `config_read` tells whether it
    was read, so that the next crawl asks again if not. Dates are as written: judging them is for retention.
    """

    digest: str
    media_type: str
    document: bytes  #: the body, byte for byte: it is what restores the image and proves the digest
    artifact_type: str | None = None
    subject: str | None = None  #: digest of the image that this one refers to
    config_digest: str | None = None
    image_bytes: int = 0  #: config and layers as their descriptors say; 0 for an index
    layers: int = 0
    children: tuple[str, ...] = ()  #: digests that an index lists, in its order, blobs among them
    listed_as: tuple[ListedKind, ...] = ()  #: what each of them is by its media type; empty: manifests, all of them
    created_at: datetime | None = None
    os: str | None = None
    architecture: str | None = None
    variant: str | None = None
    config_read: bool = False

    @property
    def size_bytes(self) -> int:
        """Bytes of the manifest itself."""
        return len(self.document)


@dataclass(frozen=True, slots=True)
class RepositoryCrawled:
    """All that a crawl learned of one repository. Rows that could not be read are here with their fault.

    `manifests` holds only those that were not remembered. `gap` is set when the repository was not read
    whole; its rows may then be fewer than there are.
    """

    repository: str
    tags: tuple[TagSeen, ...] = ()
    images: tuple[ImageSeen, ...] = ()
    manifests: tuple[ManifestFacts, ...] = ()
    gap: Gap | None = None
    requests: int = 0  #: HTTP requests it took


#: `tags`: a row a tag. Times are UTC, `datetime64[us, UTC]`; texts are `object`/`str` with None for unknown.
TAG_COLUMNS = ("repository", "tag", "digest", "fault", "detail", "first_seen_at", "last_seen_at")

#: `images`: a row a manifest of a repository (index, child, referrer, plain image), tagged or not.
IMAGE_COLUMNS = (
    "repository", "digest", "found_by", "media_type", "artifact_type", "subject", "config_digest",
    "size_bytes", "image_bytes", "layers", "created_at", "pushed_at", "pulled_at",
    "os", "architecture", "variant", "fault", "config_fault", "detail", "protection", "protection_fault",
    "first_seen_at", "last_seen_at",
)  # fmt: skip

#: `children`: a row for each (index of the registry, manifest that it lists). Not by repository: the list is
#: part of the index's bytes, so it is the same wherever the index lies. `kind` is a `ListedKind`. Blobs are listed here
#: too: an edge to what is no manifest of the registry leads nowhere, and one that is missing could lose an image.
CHILD_COLUMNS = ("digest", "child", "position", "kind")


@dataclass(frozen=True)
class CatalogFrames:
    """One catalog as three frames (columns above), read at one time from the history."""

    registry: str
    tags: pd.DataFrame = field(repr=False)
    images: pd.DataFrame = field(repr=False)
    children: pd.DataFrame = field(repr=False)

    def __repr__(self) -> str:
        return f"CatalogFrames({self.registry}: {len(self.tags)} tags, {len(self.images)} images)"
