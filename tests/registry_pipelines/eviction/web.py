"""A small registry with one repository, `team/web`: v1 to v4, of which v4 is in use and the others may go."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path

from registry_core.eviction import Plan
from tests.image_builder import make_image
from tests.registry_pipelines.eviction.estate import Estate, created
from tests.registry_pipelines.eviction.meddler import Deed

WEB = "team/web"
POLICIES = [{"repositories": ["**"], "keep_last": 1, "untagged": {"keep": False}}]

Lie = Callable[[str, str], Deed | None]
"""(method, path) → what is answered in place of the registry."""


def build_web(root: Path, url: str, *, images: int = 4, **settings: object) -> Estate:
    root.mkdir(parents=True, exist_ok=True)
    estate = Estate(root, url, dict(settings))
    estate.configure(policies=POLICIES)
    for number in range(1, images + 1):
        image = make_image([b"web %d" % number], config=created(number))
        estate.push(f"v{number}", image, WEB, f"v{number}")
    estate.use(f"{WEB}:v{images}")
    return estate


def journal(estate: Estate, plan: Plan) -> dict[str, str]:
    """Outcome by the name of the image, as text."""
    names = {image.digest: name for name, image in estate.images.items()}
    return {names[digest]: text for (_, digest), text in estate.journal(plan).items()}


def left(estate: Estate) -> set[str]:
    """Names of the images that the registry still has."""
    return {name for name, image in estate.images.items() if estate.stored(image.digest, WEB)}


def lists(tags: Iterable[str] | None) -> Lie:
    """The list of tags is answered so; None for 404."""
    deed = Deed(404, "NAME_UNKNOWN")
    if tags is not None:
        deed = Deed(200, body=json.dumps({"name": WEB, "tags": list(tags)}).encode())
    return lambda method, path: deed if method == "GET" and "/tags/list" in path else None


def lists_null() -> Lie:
    deed = Deed(200, body=b'{"name":"team/web","tags":null}')
    return lambda method, path: deed if method == "GET" and "/tags/list" in path else None


def denies(reference: str, *methods: str) -> Lie:
    """404 for a tag or digest."""
    deed = Deed(404, "MANIFEST_UNKNOWN")
    return lambda method, path: deed if method in methods and path.endswith(f"/manifests/{reference}") else None


def all_of(*lies: Lie) -> Callable[[str, str, int], Deed | None]:
    return lambda method, path, _count: next((deed for lie in lies if (deed := lie(method, path))), None)
