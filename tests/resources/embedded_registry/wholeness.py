"""What must hold in any layout that was never broken on purpose."""

from __future__ import annotations

import json

from resources.embedded_registry import Layout
from tests.image_builder import digest_of


def assert_whole(layout: Layout) -> int:
    """Every manifest that the layout serves has all it names, every byte right; returns their number."""
    checked = 0
    for path in (layout.root / "blobs").rglob("*"):
        if path.is_file():
            assert digest_of(path.read_bytes()) == f"sha256:{path.name}"
    for repository in layout.repositories():
        held = layout._holdings.get(repository)
        assert held is not None
        for reference in (*held.tags, *held.manifests):
            document = json.loads(layout.read_manifest(repository, reference)[1])
            for child in document.get("manifests", ()):
                layout.read_manifest(repository, child["digest"])
            for blob in (document.get("config"), *document.get("layers", ())):
                assert blob is None or layout.has_blob(repository, blob["digest"])
            checked += 1
    return checked
