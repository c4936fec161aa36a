"""What deserves a look, in words."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from registry_core.deployed_versions import LOOK_KINDS, Deployed, Look, Product, Wish

_NAMES_SHOWN = 4


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of one deployed version beside the value itself."""

    deployed: Deployed
    in_registry: bool | None  #: None: nobody can tell
    in_catalog: bool | None  #: its repository
    is_version: bool
    newer_patch: str | None
    newer_is: str  #: `patch`, or `minor version` where versions have two numbers
    retagged: bool  #: the registry's tag names another image than the one that runs
    running: tuple[tuple[str | None, str], ...] = field(
        default=()
    )  #: (platform, digest) as reported, identified or not


def find_looks(
    product: Product, evidence: list[Evidence], wish: Wish, *, copies_differ: tuple[str, ...], all_read: bool
) -> tuple[Look, ...]:
    """All that deserves a look, the gravest first. `all_read`: every cluster was read whole."""
    found = [
        *_missing(evidence),
        *_moved(evidence),
        *_differing(product, wish),
        *_tags(product, evidence),
        *(Look("unread", text) for text in product.unread),
        *(Look("copies differ", f"`{tag}` is another image in {_names(product.registries)}") for tag in copies_differ),
    ]
    if not product.deployed:
        nowhere = "deployed nowhere" if all_read else "deployed nowhere, as far as clusters could be read"
        found.append(Look("unused", nowhere))
    return tuple(sorted(found, key=lambda look: LOOK_KINDS.index(look.kind)))


def _missing(evidence: list[Evidence]) -> Iterator[Look]:
    gone: dict[tuple[str, str, bool], list[str]] = defaultdict(list)
    uncatalogued: dict[str, list[str]] = defaultdict(list)
    for one in evidence:
        deployed = one.deployed
        if one.in_catalog is False:
            uncatalogued[deployed.registry].append(deployed.place)
        elif one.in_registry is False:
            gone[deployed.version, deployed.registry, deployed.tag is not None].append(deployed.place)
    for (version, registry, by_tag), places in gone.items():
        if by_tag:
            yield Look("gone", f"{version} is not in {registry}, but deployed in {_names(places)}")
        else:
            yield Look("untagged", f"{_names(places)} runs an image by a digest that no tag of {registry} names")
    for registry, places in uncatalogued.items():
        yield Look("uncatalogued", f"not in the catalog of {registry}, deployed in {_names(places)}")


def _moved(evidence: list[Evidence]) -> Iterator[Look]:
    """The same tag, different images. Digests that the catalog does not know are compared for one platform only: a
    runtime may report the child of its own."""
    images: dict[tuple[str, str], dict[str, set[tuple[str | None, str]]]] = defaultdict(lambda: defaultdict(set))
    retagged: dict[str, list[str]] = defaultdict(list)
    for one in evidence:
        tag = one.deployed.tag
        if tag is None:
            continue
        images[one.deployed.repository, tag][one.deployed.place].update(one.running)
        if one.retagged:
            retagged[tag].append(one.deployed.place)
    for (_, tag), by_place in images.items():
        if _differ(running for place in by_place.values() for running in place):
            where = f"in {_names(by_place)}" if len(by_place) > 1 else f"from pod to pod in {_names(by_place)}"
            yield Look("moved", f"`{tag}` is not the same image {where}: the tag moved")
    for tag, places in retagged.items():
        yield Look("retagged", f"`{tag}` names another image now than the one that runs in {_names(places)}")


def _differ(running: Iterable[tuple[str | None, str]]) -> bool:
    by_platform: dict[str | None, set[str]] = defaultdict(set)
    for platform, digest in running:
        by_platform[platform].add(digest)
    return any(len(digests) > 1 for digests in by_platform.values())


def _differing(product: Product, wish: Wish) -> Iterator[Look]:
    versions: dict[str, set[str]] = defaultdict(set)
    for one in product.deployed:
        if one.environment in wish.compare:
            versions[one.environment].add(one.known_as or one.version)
    there = [environment for environment in wish.compare if environment in versions]
    if len({frozenset(versions[environment]) for environment in there}) > 1:
        each = "; ".join(f"{environment} {_few(versions[environment])}" for environment in there)
        yield Look("differs", f"{' and '.join(there)} differ: {each}")


def _tags(product: Product, evidence: list[Evidence]) -> Iterator[Look]:
    unversioned: dict[str, list[str]] = defaultdict(list)
    patches: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for one in evidence:
        deployed = one.deployed
        if deployed.tag and not one.is_version and (product.by == "version" or not re.search(r"\d", deployed.tag)):
            known = f"`{deployed.tag}`" + (f" (now {deployed.known_as})" if deployed.known_as else "")
            unversioned[known].append(deployed.place)
        if one.newer_patch:
            patches[deployed.known_as or deployed.version, one.newer_patch, one.newer_is].append(deployed.place)
    for (version, newer, what), places in patches.items():
        yield Look("patch", f"{newer} is a newer {what} of {version}, deployed in {_names(places)}")
    for tag, places in unversioned.items():
        yield Look("unversioned", f"{tag} is not a version, deployed in {_names(places)}")


def _few(versions: Iterable[str]) -> str:
    known = sorted(set(versions))
    more = len(known) - _NAMES_SHOWN
    return ", ".join(known[:_NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _names(names: Iterable[str]) -> str:
    known = sorted(set(names))
    if not 1 < len(known) <= _NAMES_SHOWN:
        return _few(known)
    return f"{', '.join(known[:-1])} and {known[-1]}"
