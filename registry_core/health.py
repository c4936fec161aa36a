"""Health, first half: what has to be there for an image to be pulled.

An image in use is healthy when every part that a node will ask for can be had: its manifest, the children for
the platforms of the nodes, their configs and every layer. This module says which parts those are; `findings`
judges what the registry answered about them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

import pandas as pd

from registry_core.catalog import CatalogFrames, ManifestFacts
from registry_core.coverage import Fault
from registry_core.errors import RegistryError
from registry_core.manifests import children, descriptors, read_manifest
from registry_core.platforms import serves

What = Literal["tag", "manifest", "child", "config", "layer", "reference", "pull", "tags", "upload"]
"""What a finding is about. `reference`: a workload's text that resolves to nothing; `pull`: what a kubelet says;
`tags`: a repository that has none; `upload`: sessions that were never finished."""


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that the registry must be able to give, and for the sake of which image.

    `wanted` is False for children that no node of the clusters in question would pull: their loss is worth a
    warning, not an alarm.
    """

    repository: str
    image: str  #: digest of the image that is used (or checked): index or manifest
    what: What
    digest: str  #: of the part
    size_bytes: int | None = None
    platform: str | None = None
    wanted: bool = True
    either: bool = False  #: only the registry can say whether it is a manifest or a blob

    @property
    def is_manifest(self) -> bool:
        return self.what in ("manifest", "child")


@dataclass(frozen=True, slots=True)
class Answer:
    """What the registry said about one part: there (`fault` None) or not."""

    fault: Fault | None = None
    detail: str = ""


@dataclass(frozen=True)
class Documents:
    """Manifest bytes by digest, as the history keeps them; a digest that is not here was never read."""

    by_digest: Mapping[str, bytes]

    def __contains__(self, digest: str) -> bool:
        return digest in self.by_digest

    def facts(self, digest: str) -> ManifestFacts:
        """What the document says. Raises RegistryError (`corrupt`) when it is none."""
        return read_manifest(self.by_digest[digest], digest=digest)


def parts_of_image(
    repository: str, digest: str, documents: Documents, *, platforms: Iterable[str] | None, whole: bool = False
) -> list[Part]:
    """All parts of one image. `platforms` are those of the nodes that pull it; None means every platform.

    With `whole`, what is below children for other platforms is listed too, as not `wanted`.
    An unreadable manifest ends the walk there: the part itself is listed, and its own answer tells why nothing
    below it is known.
    """
    nodes = None if platforms is None else tuple(platforms)
    found = [Part(repository, digest, "manifest", digest)]
    if digest not in documents:
        return found
    try:
        listed = children(documents.facts(digest))
        if not listed:
            return found + _blobs(repository, digest, digest, documents, platform=None)
        for child in listed:
            if child.kind != "manifest" and child.digest not in documents:
                # No runtime asks for a blob that an index lists, so its loss is a warning.
                what: What = "layer" if child.kind == "blob" else "child"
                size = child.size_bytes or None
                found.append(Part(repository, digest, what, child.digest, size, wanted=False, either=what == "child"))
                continue
            wanted = child.attestation_of is None and (
                nodes is None or not child.platform or any(serves(child.platform, node) for node in nodes)
            )
            found.append(Part(repository, digest, "child", child.digest, child.size_bytes, child.platform, wanted))
            below = wanted or (whole and child.attestation_of is None)
            if below and child.digest in documents:
                blobs = _blobs(repository, digest, child.digest, documents, platform=child.platform)
                found += [replace(blob, wanted=wanted) for blob in blobs]
    except RegistryError:  # a document that does not parse: its own part is judged by the catalog's row
        return found
    return found


def _blobs(repository: str, image: str, manifest: str, documents: Documents, *, platform: str | None) -> list[Part]:
    # Foreign layers live at a URL of their vendor, not in the registry; a runtime fetches them from there.
    return [
        Part(repository, image, "config" if blob.kind == "config" else "layer", blob.digest, blob.size_bytes, platform)
        for blob in descriptors(documents.facts(manifest))
        if not blob.foreign
    ]


def parts_in_use(usage: pd.DataFrame, documents: Documents, platforms: Mapping[str, frozenset[str]]) -> list[Part]:
    """Parts of every image in use (USAGE_COLUMNS), for the node `platforms` of the clusters that use it.

    A cluster whose nodes could not be read counts as having every platform.
    """
    found: list[Part] = []
    for (repository, digest), nodes in nodes_of_images(usage, platforms).items():
        found += parts_of_image(repository, digest, documents, platforms=nodes)
    return found


def nodes_of_images(
    usage: pd.DataFrame, platforms: Mapping[str, frozenset[str]]
) -> dict[tuple[str, str], frozenset[str] | None]:
    """The platforms of the nodes that pull each image in use (repository, digest); None: any platform."""
    found: dict[tuple[str, str], frozenset[str] | None] = {}
    for image, clusters in _clusters_by_image(usage).items():
        known = [platforms.get(cluster) for cluster in clusters]
        found[image] = frozenset().union(*(one for one in known if one)) if all(known) else None
    return found


def _clusters_by_image(usage: pd.DataFrame) -> dict[tuple[str, str], set[str]]:
    clusters: dict[tuple[str, str], set[str]] = {}
    for repository, digest, cluster in zip(usage["repository"], usage["digest"], usage["cluster"], strict=True):
        clusters.setdefault((repository, digest), set()).add(cluster)
    return clusters


def parts_of_everything(
    catalog: CatalogFrames,
    documents: Documents,
    nodes: Mapping[tuple[str, str], frozenset[str] | None] = MappingProxyType({}),
) -> list[Part]:
    """Parts of every image of a catalog, used or not, for every platform. `nodes` as of `nodes_of_images`: of an image
    in use only what they pull is wanted, as in `parts_in_use`."""
    images = catalog.images
    tops = images[~images["found_by"].eq("child")]
    found: list[Part] = []
    for repository, digest in zip(tops["repository"], tops["digest"], strict=True):
        found += parts_of_image(repository, digest, documents, platforms=nodes.get((repository, digest)), whole=True)
    return found


def platforms_of_clusters(inventory: pd.DataFrame) -> dict[str, frozenset[str]]:
    """Node platforms by cluster, from the inventory's pod rows; a cluster without any known is absent."""
    known = inventory.loc[inventory["platform"].notna(), ["cluster", "platform"]].drop_duplicates()
    return {str(cluster): frozenset(group.astype(str)) for cluster, group in known.groupby("cluster")["platform"]}
