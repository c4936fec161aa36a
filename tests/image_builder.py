"""Tiny deterministic images, and pushing them: what a test says in one line.

The same arguments give the same bytes and digests, on any machine and any day. `push` writes to a registry
(any URL) with plain `requests`, or straight into a `Layout` of the embedded registry without HTTP.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urljoin

import requests

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
BUILDKIT_CACHE_CONFIG = "application/vnd.buildkit.cacheconfig.v0"
OCI_EMPTY = "application/vnd.oci.empty.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
COSIGN_PAYLOAD = "application/vnd.dev.cosign.simplesigning.v1+json"
IN_TOTO = "application/vnd.in-toto+json"

Format = Literal["oci", "docker"]


@dataclass(frozen=True)
class BuiltImage:
    """One manifest with all that it needs: its blobs by digest, and its children when it is an index."""

    manifest_bytes: bytes = field(repr=False)
    media_type: str
    blobs: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    children: tuple[BuiltImage, ...] = ()
    platform: str | None = None  #: `os/architecture[/variant]`, how an index will list it
    listed_annotations: Mapping[str, str] = field(default_factory=dict)  #: on its descriptor in an index
    artifact_type: str | None = None

    @property
    def digest(self) -> str:
        return digest_of(self.manifest_bytes)

    @property
    def document(self) -> dict[str, Any]:
        return json.loads(self.manifest_bytes)

    @property
    def descriptor(self) -> dict[str, Any]:
        """The descriptor by which a subject or an index names this manifest."""
        return {"mediaType": self.media_type, "digest": self.digest, "size": len(self.manifest_bytes)}

    @property
    def config_digest(self) -> str:
        return self.document["config"]["digest"]

    @property
    def layer_digests(self) -> tuple[str, ...]:
        return tuple(layer["digest"] for layer in self.document.get("layers", ()))


def digest_of(content: bytes, algorithm: str = "sha256") -> str:
    return f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}"


def canonical(document: object) -> bytes:
    return json.dumps(document, separators=(",", ":"), sort_keys=True).encode()


def tar_layer(files: Mapping[str, bytes]) -> bytes:
    """A real gzipped tar with no clock in it, for tools that unpack layers (podman)."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name, content in sorted(files.items()):
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o755
            tar.addfile(member, io.BytesIO(content))
    return gzip.compress(archive.getvalue(), mtime=0)


def make_image(
    layers: Sequence[bytes] = (b"layer",),
    config: Mapping[str, Any] | None = None,
    *,
    platform: str = "linux/amd64",
    form: Format = "oci",
    **extra: Any,
) -> BuiltImage:
    """An image of these layers. `config` is laid over a minimal config; `extra` goes into the manifest
    (`annotations={…}`, `subject={…}`, `artifactType="…"`)."""
    os_name, architecture, *variant = platform.split("/")
    document: dict[str, Any] = {
        "architecture": architecture,
        "os": os_name,
        "created": "2026-01-01T00:00:00Z",
        "config": {},
        "rootfs": {"type": "layers", "diff_ids": [digest_of(_unpacked(layer)) for layer in layers]},
    }
    if variant:
        document["variant"] = variant[0]
    config_bytes = canonical({**document, **(config or {})})
    config_type, layer_type, manifest_type = (
        (OCI_CONFIG, OCI_LAYER, OCI_MANIFEST) if form == "oci" else (DOCKER_CONFIG, DOCKER_LAYER, DOCKER_MANIFEST)
    )
    manifest = {
        "schemaVersion": 2,
        "mediaType": manifest_type,
        "config": blob_descriptor(config_bytes, config_type),
        "layers": [blob_descriptor(layer, layer_type) for layer in layers],
        **extra,
    }
    return BuiltImage(
        manifest_bytes=canonical(manifest),
        media_type=manifest_type,
        blobs={digest_of(blob): blob for blob in (config_bytes, *layers)},
        platform=platform,
        artifact_type=extra.get("artifactType"),
    )


def make_index(images: Sequence[BuiltImage], *, form: Format = "oci", **extra: Any) -> BuiltImage:
    """An index (or docker manifest list) of these images; `extra` goes into the index itself."""
    media_type = OCI_INDEX if form == "oci" else DOCKER_LIST
    listed = []
    for image in images:
        descriptor = image.descriptor
        if image.platform:
            names = ("os", "architecture", "variant")
            descriptor["platform"] = dict(zip(names, image.platform.split("/"), strict=False))
        if image.listed_annotations:
            descriptor["annotations"] = dict(image.listed_annotations)
        listed.append(descriptor)
    document = {"schemaVersion": 2, "mediaType": media_type, "manifests": listed, **extra}
    return BuiltImage(canonical(document), media_type, children=tuple(images))


def make_multi_platform(
    platforms: Sequence[str] = ("linux/amd64", "linux/arm64"),
    *,
    content: bytes = b"layer",
    form: Format = "oci",
    attested: bool = False,
) -> BuiltImage:
    """An index with one image for each platform; `attested` adds a build attestation for each of them."""
    images = [
        make_image([content + b" for " + platform.encode()], platform=platform, form=form) for platform in platforms
    ]
    attestations = [make_attestation(image) for image in images] if attested else []
    return make_index([*images, *attestations], form=form)


def make_attestation(image: BuiltImage) -> BuiltImage:
    """A BuildKit provenance attestation: an index child of platform `unknown/unknown` beside its image."""
    statement = canonical({"predicateType": "https://slsa.dev/provenance/v0.2", "subject": [image.digest]})
    built = make_image([], platform="unknown/unknown")
    document = {**built.document, "layers": [blob_descriptor(statement, IN_TOTO)]}
    return BuiltImage(
        manifest_bytes=canonical(document),
        media_type=OCI_MANIFEST,
        blobs={**built.blobs, digest_of(statement): statement},
        platform="unknown/unknown",
        listed_annotations={
            "vnd.docker.reference.digest": image.digest,
            "vnd.docker.reference.type": "attestation-manifest",
        },
    )


def make_referrer(
    subject: BuiltImage | Mapping[str, Any],
    artifact_type: str = "application/vnd.example.sbom.v1",
    *,
    content: bytes = b"sbom",
    annotations: Mapping[str, str] | None = None,
) -> BuiltImage:
    """An artifact that refers to `subject` (an image, or a bare descriptor of one that exists nowhere)."""
    empty = b"{}"
    document: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "artifactType": artifact_type,
        "config": blob_descriptor(empty, OCI_EMPTY),
        "layers": [blob_descriptor(content, artifact_type)],
        "subject": subject.descriptor if isinstance(subject, BuiltImage) else dict(subject),
    }
    if annotations:
        document["annotations"] = dict(annotations)
    blobs = {digest_of(empty): empty, digest_of(content): content}
    return BuiltImage(canonical(document), OCI_MANIFEST, blobs, artifact_type=artifact_type)


def make_build_cache(layers: Sequence[bytes] = (b"cache layer one" * 50,), **extra: Any) -> BuiltImage:
    """A BuildKit registry cache in index form: all that it lists are blobs, the last of them its cache config, whose
    descriptor says 0 bytes. `extra` goes into the index."""
    config = canonical({"layers": [{"blob": digest_of(layer), "parent": -1} for layer in layers], "records": []})
    listed = [
        *(blob_descriptor(layer, OCI_LAYER) for layer in layers),
        {**blob_descriptor(config, BUILDKIT_CACHE_CONFIG), "size": 0},
    ]
    document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": listed, **extra}
    return BuiltImage(canonical(document), OCI_INDEX, {digest_of(blob): blob for blob in (*layers, config)})


def make_cosign_signature(image: BuiltImage) -> BuiltImage:
    """A cosign signature as cosign 2 writes it: no subject, found by its tag (`cosign_tag`)."""
    payload = canonical({"critical": {"image": {"docker-manifest-digest": image.digest}}})
    built = make_image([])
    layer = {
        **blob_descriptor(payload, COSIGN_PAYLOAD),
        "annotations": {"dev.cosignproject.cosign/signature": "MEUCIQ=="},
    }
    document = {**built.document, "layers": [layer]}
    return BuiltImage(canonical(document), OCI_MANIFEST, {**built.blobs, digest_of(payload): payload})


def cosign_tag(image: BuiltImage, suffix: Literal["sig", "att", "sbom"] = "sig") -> str:
    return f"{image.digest.replace(':', '-')}.{suffix}"


def blob_descriptor(content: bytes, media_type: str) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest_of(content), "size": len(content)}


def push(
    target: Any,
    repository: str,
    built: BuiltImage,
    tag: str | None = None,
    *,
    auth: tuple[str, str] | None = None,
) -> str:
    """Push blobs, then children, then the manifest; returns its digest.

    `target` is the URL of a registry, anything with a `.url`, or a `Layout` (has `put_manifest`). Without a
    `tag` the manifest is pushed by digest.
    """
    if hasattr(target, "put_manifest"):
        for blob in built.blobs.values():
            target.put_blob(repository, blob)
        for child in built.children:
            push(target, repository, child)
        target.put_manifest(repository, built.manifest_bytes, built.media_type, tag=tag)
        return built.digest
    with requests.Session() as session:
        session.auth, session.trust_env = auth, False
        _push_over_http(session, str(getattr(target, "url", target)), repository, built, tag)
    return built.digest


def push_blob(session: requests.Session, url: str, repository: str, blob: bytes) -> str:
    """Upload one blob with POST then PUT, unless the repository has it; returns its digest."""
    digest = digest_of(blob)
    if session.head(f"{url}/v2/{repository}/blobs/{digest}", timeout=30).status_code == 200:
        return digest
    started = session.post(f"{url}/v2/{repository}/blobs/uploads/", timeout=30)
    started.raise_for_status()
    location = urljoin(f"{url}/", started.headers["Location"])
    separator = "&" if "?" in location else "?"
    session.put(
        f"{location}{separator}digest={digest}",
        data=blob,
        headers={"Content-Type": "application/octet-stream"},
        timeout=30,
    ).raise_for_status()
    return digest


def _push_over_http(session: requests.Session, url: str, repository: str, built: BuiltImage, tag: str | None) -> None:
    for blob in built.blobs.values():
        push_blob(session, url, repository, blob)
    for child in built.children:
        _push_over_http(session, url, repository, child, None)
    answer = session.put(
        f"{url}/v2/{repository}/manifests/{tag or built.digest}",
        data=built.manifest_bytes,
        headers={"Content-Type": built.media_type},
        timeout=30,
    )
    if not answer.ok:
        raise AssertionError(f"push of {repository}:{tag or built.digest} failed: {answer.status_code} {answer.text}")


def _unpacked(layer: bytes) -> bytes:
    return gzip.decompress(layer) if layer[:2] == b"\x1f\x8b" else layer
