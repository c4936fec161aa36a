"""What the policies of now keep of a lying registry, by the oracle of the policy page."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tests.registry_core.oracle import world as asked
from tests.registry_core.oracle.keeping import what_stays
from tests.registry_pipelines.eviction.lying.truth import Image, Truth

HOST = "registry.example.com"


def kept_by_rules(truth: Truth, policies: list[dict[str, Any]]) -> dict[Image, str]:
    """Images that must stay by the registry as it was planned by and the uses of now, each with why."""
    world = asked.World(
        images=tuple(_image(name, truth) for name in sorted(truth.catalogued)),
        tags=tuple(asked.Tag(repository, tag, digest) for (repository, tag), digest in truth.known.items()),
        uses=tuple(
            asked.Use("production", use.reference, use.digest if use.tag is not None else None) for use in truth.uses
        ),
        past=(),
        policies=tuple(policies),
        hosts=(HOST,),
        catalog_at=truth.now(),
        inventories={"production": truth.now()},
    )
    return {name: ", ".join(sorted(why)) for name, why in what_stays(world).images.items()}


def _image(name: Image, truth: Truth) -> asked.Image:
    document = truth.manifests[name].document
    config = document.get("config", {}).get("digest")
    created = None
    if config is not None:
        import json

        written = json.loads(truth.blobs[config]).get("created")
        created = None if written is None else datetime.fromisoformat(written.replace("Z", "+00:00"))
    return asked.Image(
        repository=name[0],
        digest=name[1],
        created=created,
        children=tuple(child["digest"] for child in document.get("manifests", ())),
        subject=(document.get("subject") or {}).get("digest"),
        config=config,
    )
