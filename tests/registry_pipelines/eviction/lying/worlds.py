"""Small random registries full of kinships, and what may happen to them while a plan is carried out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

from tests.image_builder import BuiltImage, cosign_tag, make_cosign_signature, make_image, make_index, make_referrer
from tests.registry_pipelines.eviction.lying.truth import Image, Truth, Use

HOST = "registry.example.com"
_REPOSITORIES = ("team/app", "team/tools", "base/os")
_SPELLINGS = (HOST, HOST, "Registry.Example.com", f"{HOST}:443")
_RULES: tuple[dict[str, Any], ...] = (
    {"keep_last": 1},
    {"keep_last": 2, "when_unused": "evict"},
    {"keep_tags": ["stable"]},
    {"keep_tags": ["stable"], "keep_in_use": {"rollbacks": 1}},
    {"keep_last": 1, "keep_in_use": {"rollbacks": 1}},
)


class _Pool:
    """Images are made once: a plain one for each day and platform."""

    def __init__(self) -> None:
        self._made: dict[tuple[int, int, str], BuiltImage] = {}

    def image(self, number: int, day: int, platform: str = "linux/amd64") -> BuiltImage:
        key = number, day, platform
        if key not in self._made:
            config = {"created": f"2026-01-{day:02}T00:00:00Z"}
            self._made[key] = make_image([b"%d" % number], config=config, platform=platform)
        return self._made[key]


_POOL = _Pool()


def policies(random: Random) -> list[dict[str, Any]]:
    rule = {"repositories": ["**"], **random.choice(_RULES)}
    return [rule if random.random() < 0.3 else {**rule, "untagged": {"keep": False}}]


def stricter(truth: Truth, before: list[dict[str, Any]], random: Random) -> list[dict[str, Any]]:
    """Policies that keep more: an image of the plan has a tag that is kept, or its repository is protected."""
    repository, digest = random.choice(sorted(truth.planned))
    tags = sorted(truth.planned[repository, digest])
    if not tags or random.random() < 0.3:
        return [{"repositories": [repository], "protect": True}, *before]
    return [{**before[0], "keep_tags": [*before[0].get("keep_tags", ()), random.choice(tags)]}]


def fill(truth: Truth, random: Random) -> None:
    """One to three repositories, and a workload that uses the newest image of the first."""
    for number, repository in enumerate(random.sample(_REPOSITORIES, random.choice((1, 1, 2, 3)))):
        newest = _fill_repository(truth, random, repository, number * 100)
        if number == 0:
            truth.uses.append(Use(repository, f"{HOST}/{repository}:{newest}", newest, None))


def _fill_repository(truth: Truth, random: Random, repository: str, number: int) -> str:
    shared = _POOL.image(number + 90, 1, "linux/arm64")
    count = random.randint(2, 5)
    days = sorted(random.choice((1, 2, 2, 3, 4, 5, 6)) for _ in range(count))
    for place, day in enumerate(days):
        image = _POOL.image(number + place, day)
        if random.random() < 0.3:
            image = make_index([image, shared] if random.random() < 0.6 else [image])
        tag = f"v{place}" if place == count - 1 or random.random() < 0.85 else None
        truth.push(repository, image, tag)
        if random.random() < 0.15:
            truth.tag(repository, random.choice(("stable", "old", "latest")), image.digest)
        if random.random() < 0.2:
            truth.push(repository, make_cosign_signature(image), cosign_tag(image))
        if random.random() < 0.15:
            truth.push(repository, make_referrer(image))
    return f"v{count - 1}"


Change = Callable[[Truth], str]


def change(random: Random) -> Change:
    """Something that gives an image of the plan, if one is left, a reason to stay."""
    kind, spelling, choice = random.random(), random.choice(_SPELLINGS), random.random()

    def happen(truth: Truth) -> str:
        left = sorted(image for image in truth.planned if image in truth.manifests)
        if not left:
            return "nothing is left to change"
        image = left[int(choice * len(left))]
        kinds = [_new_tag, _new_tag, _moved_tag, _use_by_digest, _new_index]
        if truth.planned[image]:
            kinds += [_use_by_tag, _use_by_tag, _tag_lost_and_used]
        chosen = kinds[int(kind * len(kinds))]
        chosen(truth, image, f"{spelling}/{image[0]}")
        return f"{chosen.__name__} {image[0]}@{image[1][:15]}"

    return happen


def _new_tag(truth: Truth, image: Image, _: str) -> None:
    truth.tag(image[0], "wanted", image[1])


def _moved_tag(truth: Truth, image: Image, _: str) -> None:
    kept = [
        tag
        for (repository, tag), digest in truth.tags.items()
        if repository == image[0] and (repository, digest) not in truth.planned and not tag.startswith("sha256-")
    ]
    used = {use.tag for use in truth.uses}
    for tag in kept:
        if tag not in used:
            truth.tag(image[0], tag, image[1])
            return


def _use_by_digest(truth: Truth, image: Image, name: str) -> None:
    truth.uses.append(Use(image[0], f"{name}@{image[1]}", None, image[1], truth.now()))


def _use_by_tag(truth: Truth, image: Image, name: str) -> None:
    tag = min(truth.planned[image])
    truth.uses.append(Use(image[0], f"{name}:{tag}", tag, None, truth.now()))


def _tag_lost_and_used(truth: Truth, image: Image, name: str) -> None:
    """A person removes the tag that a new workload asks for; the image is still there."""
    _use_by_tag(truth, image, name)
    truth.tags.pop((image[0], min(truth.planned[image])), None)


def _new_index(truth: Truth, image: Image, _: str) -> None:
    listed = truth.manifests[image]
    index = make_index([replace(listed, platform=listed.platform or "linux/amd64")])
    truth.push(image[0], index, "bundle")
