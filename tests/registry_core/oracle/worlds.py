"""Random registries, clusters and policies, as nasty as they come: each is made from its seed alone."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from tests.registry_core.oracle.world import Image, PastUse, Tag, Use, World

AS_OF = datetime(2026, 4, 1, 12, tzinfo=UTC)
HOST = "registry.example.com"
_REPOSITORIES = ("app", "team/app", "team/app/ui", "team/tool", "base/os", "signatures", "library/redis")
_PATTERNS = (
    "**",
    "*",
    "team/**",
    "team/*",
    "**/app",
    "*/app",
    "base/**",
    "app",
    "t?am/app",
    "**/ui",
    "sign*",
    "team/a*",
)
_TAGS = (
    "v1.0.0", "v1.1.0", "v1.1.1", "v1.1.1_b2", "v1.10.0", "v2.0.0", "v2.0.0-rc.1", "v2.0.0-rc.10", "v2.0.0-rc9",
    "v2.0.0-rc10", "v2.0.0-final", "v1.2", "2024.11.15", "stable", "latest", "build-1", "build-2", "build-x", "t1",
    "t2",
)  # fmt: skip
_TAG_PATTERNS = ("v*", "stable", "build-?", "t1", "*-x", "**", "sha256-*", "l*t")
_WINDOWS = ("1d", "30d", "31d", "60d", "now", "forever")
_SPANS = ("1d", "5d", "30d", "90d")
_HOSTS = (HOST, HOST, HOST, "Registry.Example.com", f"{HOST}:443", "REGISTRY.EXAMPLE.COM:443",
          "registry.example.com:5443",
          "localhost:7439/registry.example.com", "harbor.example.com/proxy",
          "other.example.com", "docker.io", "")  # fmt: skip
_ALSO_KNOWN_AS = (("localhost:7439/registry.example.com", HOST), ("harbor.example.com/proxy", "docker.io"))
_CLUSTERS = ("production", "staging")


def digest(text: str) -> str:
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Setting:
    """What the worlds of one company share: the time of the evidence, and the names of the registry."""

    hosts: tuple[str, ...]
    also_known_as: tuple[tuple[str, str], ...]
    catalog_at: datetime
    inventories: dict[str, datetime]
    history_began: datetime | None

    @classmethod
    def of(cls, random: Random) -> Setting:
        return cls(
            hosts=(HOST, "docker.io") if random.random() < 0.2 else (HOST,),
            also_known_as=_ALSO_KNOWN_AS if random.random() < 0.4 else (),
            catalog_at=AS_OF - timedelta(minutes=random.choice((0, 0, 0, 120))),
            inventories={
                cluster: AS_OF - timedelta(minutes=random.choice((0, 0, 10, 90)))
                for cluster in random.sample(_CLUSTERS, random.randint(1, 2))
            },
            history_began=AS_OF - timedelta(days=50) if random.random() < 0.5 else None,
        )


def world(seed: int) -> World:
    random = Random(seed)
    return _Maker(random, Setting.of(random), "").world()


def company(seed: int, size: int) -> tuple[World, ...]:
    """Worlds that can be one: each has repositories, images and policies of its own."""
    random = Random(seed)
    setting = Setting.of(random)
    return tuple(_Maker(random, setting, f"w{number}/").world() for number in range(size))


def together(worlds: Sequence[World]) -> World:
    """All worlds of a company as one registry."""
    parts = {name: tuple(row for one in worlds for row in getattr(one, name))
             for name in ("images", "tags", "uses", "past", "policies", "gaps")}  # fmt: skip
    return replace(worlds[0], **parts)


class _Maker:
    """Makes one world; `prefix` is before the names of its repositories and in its digests."""

    def __init__(self, random: Random, setting: Setting, prefix: str) -> None:
        self.random, self.setting, self.prefix = random, setting, prefix
        self.digests = [digest(f"{prefix}image {number}") for number in range(random.randint(2, 9))]
        self.told_pushes = random.random() < 0.6  # most registries tell none
        self.few_dates = [self._days() for _ in range(random.randint(1, 3))]

    def chance(self, of: float) -> bool:
        return self.random.random() < of

    def world(self) -> World:
        random = self.random
        lists = [self._children(number) for number in range(len(self.digests))]
        subjects = [self._other(number) if self.chance(0.15) else None for number in range(len(self.digests))]
        images: list[Image] = []
        tags: dict[tuple[str, str], Tag] = {}
        repositories = [self.prefix + name for name in random.sample(_REPOSITORIES, random.randint(1, 4))]
        for repository in repositories:
            self._fill(repository, lists, subjects, images, tags)
        return World(
            images=tuple(images),
            tags=tuple(tags.values()),
            uses=tuple(self._use(images, tags) for _ in range(random.randint(0, 4))),
            past=tuple(self._past(images, tags) for _ in range(random.randint(0, 3))) if images else (),
            policies=self.policies(),
            gaps=tuple(random.sample(repositories, 1)) if self.chance(0.04) else (),
            hosts=self.setting.hosts,
            also_known_as=self.setting.also_known_as,
            catalog_at=self.setting.catalog_at,
            inventories=self.setting.inventories,
            history_began=self.setting.history_began,
        )

    # The registry

    def _children(self, number: int) -> tuple[str, ...]:
        later = self.digests[number + 1 :]
        if not later or self.chance(0.65):
            return ()
        return tuple(self.random.sample(later, self.random.randint(1, min(3, len(later)))))

    def _other(self, number: int) -> str:
        choices = [*self.digests, digest(f"{self.prefix}never pushed")]
        choices.pop(number)
        return self.random.choice(choices)

    def _fill(
        self,
        repository: str,
        lists: list[tuple[str, ...]],
        subjects: list[str | None],
        images: list[Image],
        tags: dict[tuple[str, str], Tag],
    ) -> None:
        random = self.random
        here = sorted(random.sample(range(len(self.digests)), random.randint(0, len(self.digests))))
        listed = {child for number in here for child in lists[number]}
        if self.chance(0.85):  # a crawl gives every listed image a row
            here = sorted({*here, *(number for number, one in enumerate(self.digests) if one in listed)})
            here = self._all_below(here, lists)
        for number in here:
            images.append(self._image(repository, number, lists[number], subjects[number]))
            for text in random.sample(_TAGS, random.choice((0, 0, 1, 1, 1, 2))):
                tags.setdefault((repository, text), Tag(repository, text, self.digests[number]))
            if self.chance(0.12):
                about = random.choice([*self.digests, digest(f"{self.prefix}never pushed")])
                text = about.replace(":", "-") + random.choice((".sig", ".att", ".sbom", "", ".new"))
                tags.setdefault((repository, text), Tag(repository, text, self.digests[number]))
        if self.chance(0.05):
            fault = random.choice(("missing", "missing", "forbidden", "throttled", "unreachable"))
            tags.setdefault((repository, "lost"), Tag(repository, "lost", None, fault))

    def _all_below(self, here: list[int], lists: list[tuple[str, ...]]) -> list[int]:
        found, waiting = set(here), list(here)
        while waiting:
            for child in lists[waiting.pop()]:
                number = self.digests.index(child)
                if number not in found:
                    found.add(number)
                    waiting.append(number)
        return sorted(found)

    def _image(self, repository: str, number: int, children: tuple[str, ...], subject: str | None) -> Image:
        random = self.random
        fault, read = None, True
        if self.chance(0.07):
            fault = random.choice(("missing", "missing", "corrupt", "forbidden", "throttled"))
            read = fault != "missing" and self.chance(0.4)
        return Image(
            repository=repository,
            digest=self.digests[number],
            pushed=self._date() if self.told_pushes else None,
            first_seen=self._date() if self.chance(0.5) else None,
            created=self._date(),
            children=children,
            subject=subject if fault is None or read else None,
            config=None if children else digest(f"{self.prefix}config {number % 3}"),
            fault=fault,
            manifest_read=fault is None or read,
            protection="immutable" if self.chance(0.02) else None,
            protection_unknown=self.chance(0.01),
        )

    def _days(self) -> datetime:
        return AS_OF - timedelta(days=self.random.choice((0, 1, 2, 3, 5, 10, 29, 30, 31, 40, 60, 90)))

    def _date(self) -> datetime | None:
        chosen = self.random.random()
        if chosen < 0.12:
            return None
        if chosen < 0.17:
            return self.random.choice((
                datetime(1970, 1, 1, tzinfo=UTC), datetime(2099, 1, 1, tzinfo=UTC), AS_OF + timedelta(seconds=1),
                AS_OF - timedelta(minutes=30),
            ))  # fmt: skip
        return self.random.choice(self.few_dates) if chosen < 0.5 else self._days()

    # The clusters

    def _use(self, images: list[Image], tags: dict[tuple[str, str], Tag]) -> Use:
        random = self.random
        image = random.choice(images) if images else None
        host = random.choice(_HOSTS)
        repository = image.repository if image else f"{self.prefix}app"
        how = random.random()
        here = [tag.text for tag in tags.values() if tag.repository == repository]
        suffix = ":" + random.choice([*here, "absent"])
        if how < 0.2 and image:
            suffix = f"@{image.digest}"
        elif how < 0.25 and image:
            suffix += f"@{image.digest}"
        elif how < 0.3:
            suffix = ""
        running = None
        if image and self.chance(0.4):
            running = random.choice((image.digest, image.config or image.digest, random.choice(images).digest))
        return Use(
            random.choice(list(self.setting.inventories)), f"{host}/{repository}{suffix}".removeprefix("/"), running
        )

    def _past(self, images: list[Image], tags: dict[tuple[str, str], Tag]) -> PastUse:
        random = self.random
        image = random.choice(images)
        here = [tag.text for tag in tags.values() if tag.repository == image.repository]
        suffix = ":" + random.choice([*here, "absent"]) if self.chance(0.6) else f"@{image.digest}"
        return PastUse(
            cluster=random.choice((*_CLUSTERS, "closed down")),
            repository=image.repository,
            digest=image.digest,
            written=f"{HOST}/{image.repository}{suffix}",
            seen=None
            if self.chance(0.05)
            else AS_OF
            - timedelta(days=random.choice((1, 2, 8, 29, 30, 31, 45, 100)), minutes=random.choice((0, 0, 1))),
        )

    # The policies

    def policies(self) -> tuple[dict[str, Any], ...]:
        count = self.random.choice((1, 1, 2, 3))
        entries = [self._entry() for _ in range(count)]
        if self.chance(0.6):
            entries[-1]["repositories"] = [f"{self.prefix}**"]
        return tuple(entries)

    def _entry(self) -> dict[str, Any]:
        random = self.random
        entry: dict[str, Any] = {
            "repositories": [self.prefix + one for one in random.sample(_PATTERNS, random.choice((1, 1, 2)))]
        }
        if self.chance(0.06):
            return {**entry, "protect": True}
        rules: dict[str, Any] = {
            "keep_tags": random.sample(_TAG_PATTERNS, random.randint(1, 2)),
            "keep_last": random.randint(1, 3),
            "keep_within": random.choice(_SPANS),
            "keep_in_use": self._keep_in_use(),
            "keep_versions": {
                "pattern": random.choice(("v{semver}", "{semver}")),
                "last": random.randint(1, 2),
                **({"per": random.choice(("major", "minor", "patch"))} if self.chance(0.8) else {}),
                **({"prereleases": self.chance(0.7)} if self.chance(0.4) else {}),
            },
        }
        chosen = random.sample(sorted(rules), random.choice((1, 1, 2, 3)))
        entry |= {key: rules[key] for key in rules if key in chosen}
        if self.chance(0.6):
            entry["untagged"] = random.choice(({"keep": False}, {"keep": True}, {"keep_within": random.choice(_SPANS)}))
        if self.chance(0.2):
            entry["broken"] = {"evict": self.chance(0.8)}
        if self.chance(0.3):
            entry["when_unused"] = random.choice(("evict", "evict", "same"))
        return entry

    def _keep_in_use(self) -> dict[str, Any]:
        rule: dict[str, Any] = {"rollbacks": self.random.randint(0, 2)}
        if self.chance(0.6):
            rule["seen_within"] = self.random.choice(_WINDOWS)
        return rule
