"""What was chosen, image by image: its tags, all reasons in words, who uses it, and why it could not be read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from registry_core.coverage import Fault, Gap
from registry_core.migration_choice import Choice, before_used, newest_of
from registry_core.plain_rows import plain_rows
from registry_core.retention_names import listed
from registry_core.retention_nodes import Array


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """One image that is to be copied. Without `digest` only its tag is known, or nothing but its repository; `fault`
    is set where it is known that it cannot be read, and then `why` says more. `damage`: what the catalog found wrong
    with an image that is asked for all the same, as it may have been pushed again since."""

    repository: str
    digest: str | None
    tags: tuple[str, ...]
    reasons: tuple[str, ...]
    used_by: str = ""
    fault: Fault | None = None
    why: str = ""
    damage: Fault | None = None

    @property
    def can_be_asked(self) -> bool:
        """Whether there is anything to ask the registry for."""
        return self.fault is None and (self.digest is not None or bool(self.tags))


@dataclass(slots=True)
class _Draft:
    tags: set[str] = field(default_factory=set)
    reasons: list[str] = field(default_factory=list)
    image: int | None = None

    def add(self, *, reason: str, tags: Iterable[str]) -> None:
        self.tags.update(tags)
        if reason not in self.reasons:
            self.reasons.append(reason)


def chosen_images(choice: Choice, gaps: Iterable[Gap] = ()) -> list[Chosen]:
    """All that is to be copied, by repository and tag. `gaps` are the places that the catalog could not read."""
    drafts: defaultdict[tuple[str, str], _Draft] = defaultdict(_Draft)
    users, damage = _Users(choice), _damage(choice)
    _take_images(choice, users, drafts)
    unknown = _take_tags(choice, drafts)
    chosen = [
        Chosen(
            repository=repository,
            digest=digest,
            tags=tuple(sorted(draft.tags)),
            reasons=tuple(draft.reasons),
            used_by=users.of(draft.image, everywhere=True) if draft.image is not None else "",
            damage=damage[draft.image] if draft.image is not None else None,
        )
        for (repository, digest), draft in drafts.items()
    ]
    listed_already = {(one.repository, one.digest, one.tags) for one in chosen}
    for one in (*_unresolved(choice), *unknown):
        name = (one.repository, one.digest, one.tags)
        chosen += [one] if name not in listed_already else []
        listed_already.add(name)
    chosen += _not_read(choice, gaps)
    return sorted(chosen, key=lambda one: (one.repository, one.tags, one.digest or ""))


def _take_images(choice: Choice, users: _Users, drafts: defaultdict[tuple[str, str], _Draft]) -> None:
    images, selection = choice.nodes.catalog.images, choice.selection
    rows = np.flatnonzero(choice.images)
    repositories = images["repository"].iloc[rows].tolist()
    digests = images["digest"].iloc[rows].tolist()
    tags = _tags_of(choice)
    before, last = before_used(selection), newest_of(selection)
    flags = (
        (choice.rollback, before),
        (choice.maybe_rollback, f"may be {before}: a date is not known"),
        (choice.newest, last),
        (choice.maybe_newest, f"may be {last}: its date is not known"),
        (choice.all, "all is copied"),
    )
    for row, repository, digest in zip(rows.tolist(), repositories, digests, strict=True):
        draft = drafts[repository, digest]
        draft.image = row
        if choice.in_use[row]:
            draft.add(reason=f"in use by {users.of(row)}", tags=())
        for mask, reason in flags:
            if mask[row]:
                draft.add(reason=reason, tags=())
        draft.tags.update(tags.get(row, ()))


def _tags_of(choice: Choice) -> dict[int, list[str]]:
    """Own tags of the images that are taken whole."""
    nodes = choice.nodes
    taken = np.append(choice.images, False)[nodes.tag_image] & choice.own_tags
    found: defaultdict[int, list[str]] = defaultdict(list)
    rows = np.flatnonzero(taken)
    for image, tag in zip(nodes.tag_image[rows].tolist(), nodes.catalog.tags["tag"].iloc[rows], strict=True):
        found[image].append(tag)
    return found


def _take_tags(choice: Choice, drafts: defaultdict[tuple[str, str], _Draft]) -> list[Chosen]:
    """Add what single tags take; what such tags, or `all`, take without a known digest is the answer."""
    tags = choice.nodes.catalog.tags
    rows = [*{*choice.tags, *choice.lost_tags}]
    users = _users_of_lost_tags(choice)
    unknown = []
    names = (tags[name].iloc[rows].tolist() for name in ("repository", "tag"))
    digests = tags["digest"].iloc[rows].tolist()
    # By name, so that the reasons of an image stand in one order however the catalog is read.
    for repository, tag, row, digest in sorted(zip(*names, rows, digests, strict=True), key=lambda one: one[:2]):
        reason = choice.tags.get(row) or choice.lost_tags[row]
        if not isinstance(digest, str):
            used_by = users.get((repository, tag), "")
            unknown.append(Chosen(repository=repository, digest=None, tags=(tag,), reasons=(reason,), used_by=used_by))
            continue
        draft = drafts[repository, digest]
        draft.add(reason=reason, tags=(tag,))
        image = int(choice.nodes.tag_image[row])
        draft.image = image if image >= 0 else None
    return unknown


def _users_of_lost_tags(choice: Choice) -> dict[tuple[str, str], str]:
    """Who uses a tag that the catalog could not resolve, in any cluster."""
    lost = choice.usage.unresolved
    lost = lost[lost["tag"].notna() & lost["digest"].isna()]
    return {
        (str(repository), str(tag)): _words(_uses(rows))
        for (repository, tag), rows in lost.groupby(["repository", "tag"], sort=False)
    }


def _damage(choice: Choice) -> list[Fault | None]:
    """What the catalog found wrong with each image: with its manifest, else its config, else with what it lists."""
    graph, images = choice.nodes.graph, choice.nodes.catalog.images
    found: list[Fault | None] = [
        manifest_fault or config_fault for manifest_fault, config_fault in plain_rows(images, ("fault", "config_fault"))
    ]
    waiting = [row for row, fault in enumerate(found) if fault is not None]
    while waiting:
        row = waiting.pop()
        for parent in graph.parents.of(row).tolist():
            if found[parent] is None:
                found[parent] = found[row]
                waiting.append(parent)
    return found


def _unresolved(choice: Choice) -> Iterator[Chosen]:
    """References of the chosen clusters that find nothing at the source."""
    lost = choice.usage.unresolved
    lost = lost[lost["cluster"].isin(list(choice.selection.in_use))]
    texts = lost[["repository", "tag", "digest", "reference"]].astype(object)
    keys = texts.where(texts.notna(), "")
    for _, rows in lost.groupby([keys[name] for name in ("repository", "tag", "digest")], sort=True):
        first = {name: _text(rows[name].iloc[0]) for name in ("repository", "tag", "digest", "reference", "why")}
        repository = first["repository"] or first["reference"]
        if first["repository"] and repository not in choice.scope:
            continue
        users = _words(_uses(rows))
        fault: Fault = rows["fault"].iloc[0]
        yield Chosen(
            repository=repository,
            digest=first["digest"] or None,
            tags=(first["tag"],) if first["tag"] and not first["digest"] else (),
            reasons=(f"in use by {users}",),
            used_by=users,
            fault=fault,
            why=first["why"],
        )


def _not_read(choice: Choice, gaps: Iterable[Gap]) -> Iterator[Chosen]:
    for gap in gaps:
        if gap.place in choice.scope:
            why = f"the catalog could not read it whole, so it may hold more than is told here: {gap.detail}"
            yield Chosen(repository=gap.place, digest=None, tags=(), reasons=(), fault=gap.fault, why=why)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


class _Users:
    """Who uses an image, itself or through what it lists."""

    def __init__(self, choice: Choice) -> None:
        usage, nodes = choice.usage.usage, choice.nodes
        images = nodes.graph.rows_at(usage["repository"], usage["digest"])
        self._uses = _uses(usage)
        self._chosen: Array = usage["cluster"].isin(list(choice.selection.in_use)).to_numpy()
        self._rows: defaultdict[int, list[int]] = defaultdict(list)
        for place, image in enumerate(images.tolist()):
            if image >= 0:
                for top in {image, *choice.tops.get(image, ())}:
                    self._rows[top].append(place)

    def of(self, image: int, *, everywhere: bool = False) -> str:
        """In words; of the chosen clusters, or of all."""
        rows = [row for row in self._rows.get(image, ()) if everywhere or self._chosen[row]]
        return _words(self._uses[row] for row in rows) if rows else ""


def _uses(usage: pd.DataFrame) -> list[tuple[str, int]]:
    """The workload and the pods of each row; Python's own values, because an image at a time is asked for."""
    columns = [usage[name].tolist() for name in ("cluster", "namespace", "owner_name")]
    pods = pd.to_numeric(usage["pods"]).fillna(0).astype("int64").tolist()
    return list(zip(("/".join(map(str, names)) for names in zip(*columns, strict=True)), pods, strict=True))


def _words(uses: Iterable[tuple[str, int]]) -> str:
    """`production/health/web (3 pods)`, three of them and how many more."""
    pods: dict[str, int] = {}
    for workload, count in uses:
        pods[workload] = max(pods.get(workload, 0), count)
    names = [
        f"{workload} ({count} {'pod' if count == 1 else 'pods'})" if count else workload
        for workload, count in sorted(pods.items())
    ]
    return listed(names)
