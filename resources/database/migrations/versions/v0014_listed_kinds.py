"""What an index lists is a manifest or a blob. Indexes that were read before are looked through for blobs."""

from __future__ import annotations

import json
import zlib

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_INDEXES = ("application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json")
_MANIFESTS = (
    *_INDEXES,
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v1+prettyjws",
    "application/vnd.oci.artifact.manifest.v1+json",
    "application/vnd.cncf.oras.artifact.manifest.v1+json",
)
_BLOBS = (
    "application/vnd.oci.image.layer.",
    "application/vnd.docker.image.rootfs.",
    "application/vnd.buildkit.cacheconfig.",
    "application/vnd.docker.container.image.v1+json",
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.oci.empty.v1+json",
)


def upgrade() -> None:
    op.add_column("manifest_children", sa.Column("kind", sa.Text, nullable=False, server_default="manifest"))
    connection = op.get_bind()
    manifests = sa.table("manifests", sa.column("digest"), sa.column("media_type"))
    documents = sa.table("manifest_documents", sa.column("digest"), sa.column("document"))
    children = sa.table("manifest_children", sa.column("digest"), sa.column("child"), sa.column("kind"))
    query = (
        sa.select(documents.c.digest, documents.c.document)
        .join(manifests, manifests.c.digest == documents.c.digest)
        .where(manifests.c.media_type.in_(_INDEXES))
    )
    changes = [
        {"of": digest, "listed": child, "is": kind}
        for digest, document in connection.execute(query)
        for child, kind in _listed(zlib.decompress(document)).items()
        if kind != "manifest"
    ]
    if changes:
        of = sa.and_(children.c.digest == sa.bindparam("of"), children.c.child == sa.bindparam("listed"))
        connection.execute(sa.update(children).where(of).values(kind=sa.bindparam("is")), changes)


def _listed(document: bytes) -> dict[str, str]:
    try:
        entries = json.loads(document).get("manifests")
    except (ValueError, AttributeError, RecursionError):
        return {}
    found: dict[str, str] = {}
    for entry in entries if isinstance(entries, list) else ():
        digest = entry.get("digest") if isinstance(entry, dict) else None
        if not isinstance(digest, str):
            continue
        kind = _kind(entry.get("mediaType"))
        if found.get(digest) != "manifest" and (kind != "blob" or digest not in found):
            found[digest] = kind
    return found


def _kind(media_type: object) -> str:
    plain = media_type.partition(";")[0].strip().lower() if isinstance(media_type, str) else ""
    if plain in _MANIFESTS:
        return "manifest"
    return "blob" if plain.startswith(_BLOBS) else "unknown"
