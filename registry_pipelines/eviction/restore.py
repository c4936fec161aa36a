"""Bring back what a plan deleted: through the vendor where it can, else by putting the manifests back.

The vendor is asked owners first, as an index may bring its children; then every image is looked at, children first,
what is missing is put back, and tags come last and only where they are free.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from assets.taking.progress import Progress, Silent
from registry_core.errors import InvalidReference, PartialFailure, Refused
from registry_core.eviction import Plan
from registry_core.eviction_use import Image
from registry_core.references import Reference
from registry_core.registry_directory import RegistryNames
from registry_pipelines.eviction.fresh_evidence import Clock
from resources.connections import Connections
from resources.database.ledger_records import JournalLine
from resources.registry.client import RegistryClient
from resources.registry.providers.chosen_restoration import restoration_of
from resources.registry.quarantine import Quarantine
from resources.registry.restoring import PutBack, Restorer
from resources.registry.restoring_by_vendor import NOT_BROUGHT, Brought, VendorWay

_STAYS = ("spared", "refused by registry")


@dataclass(frozen=True, slots=True)
class Restored:
    """What became of one image that was asked back."""

    line: JournalLine
    put_back: PutBack
    brought: Brought = NOT_BROUGHT

    @property
    def way(self) -> str:
        """Which way it came back: the vendor's title, `manifest put back`, or `was there`."""
        return self.brought.by or ("manifest put back" if self.put_back.put else "was there")

    def __str__(self) -> str:
        name = f"{self.line.repository}@{self.line.digest}"
        back = self.put_back
        why_not = f" ({self.brought.why_not})" if self.brought.why_not else ""
        if back.lost_blobs:
            gone = ", ".join(back.lost_blobs)
            return f"{name}: lost: the registry has collected {gone}; build and push it again{why_not}"
        if back.refused:
            return f"{name}: refused: {back.refused}{why_not}"
        tags = f" with {', '.join(back.tags)}" if back.tags else ""
        moved = "".join(f"; the tag {tag} points to {other} now and was left so" for tag, other in back.conflicts)
        through = f", restored by {self.brought.by}" if self.brought.by else ""
        return f"{name}: back{tags}{through}{moved}{why_not}"


@dataclass(frozen=True)
class Restoration:
    """What became of all that was asked back, in the order in which it was put back."""

    fingerprint: str
    restored: tuple[Restored, ...] = field(repr=False)

    @property
    def back(self) -> int:
        return sum(one.put_back.is_back for one in self.restored)

    @property
    def conflicts(self) -> int:
        return sum(len(one.put_back.conflicts) for one in self.restored)

    @property
    def lost(self) -> tuple[Restored, ...]:
        return tuple(one for one in self.restored if not one.put_back.is_back)


def restore_evicted(
    connections: Connections,
    fingerprint: str,
    images: Sequence[str] = (),
    *,
    run_id: str,
    clock: Clock = lambda: datetime.now(UTC),
    progress: Progress | None = None,
) -> Restoration:
    """Bring back what the plan deleted: all of it, or `images` (`repository:tag`, `repository@digest`, `repository` or
    a digest, with or without the registry's host) and what belongs to them.

    Bringing back what is back changes nothing. Raises Refused where the plan deleted nothing of the kind; RegistryError
    where the registry does not answer or let us; returns what could not be put back as such (`lost`).
    """
    ledger = connections.ledger
    record = ledger.record(fingerprint, now=clock())
    if record.state == "executing" and record.holder is not None:
        raise Refused(f"the plan {record.short} is being carried out by the run {record.holder}; restore when it ended")
    _refuse_while_it_collects(connections, record.subject)
    plan = ledger.plan(record.fingerprint, Plan).plan
    lines = [line for line in ledger.lines(record.fingerprint) if _was_taken(line)]
    if not lines:
        raise Refused(f"the plan {record.short} deleted nothing, so nothing of it can be put back ({record.state})")
    ordered = _chosen(lines, plan, images, connections.site.directory.names_of(record.subject))
    documents = dict(ledger.kept_documents({line.digest for line in ordered}))
    tell = progress or Silent()
    found: list[Restored] = []
    with ExitStack() as opened:
        connection = opened.enter_context(closing(connections.registry_to_change(record.subject)))
        settings = connections.registry_settings(record.subject).quarantine
        quarantine = opened.enter_context(Quarantine(settings.folder, keep=settings.keep)) if settings else None
        client = RegistryClient(connection)
        restorer = Restorer(client, quarantine.blob) if quarantine else Restorer(client)
        vendor = restoration_of(connection)
        brought: dict[int, Brought] = {}
        if vendor is not None:
            opened.callback(vendor.close)
            brought = _through_vendor(VendorWay(client, vendor), vendor.title, ordered, tell)
        tell.begin(f"images of the plan {record.short}", total=len(ordered))
        for line in ordered:
            put_back = restorer.put_back(
                line.repository, line.digest, documents[line.digest], line.media_type or "", line.tags
            )
            found.append(Restored(line, put_back, brought.get(line.position, NOT_BROUGHT)))
            if put_back.is_back:
                ledger.mark_restored(record.fingerprint, [line.position], run_id=run_id, at=clock())
            tell.note(str(found[-1]))
            tell.advance()
    return Restoration(record.fingerprint, tuple(found))


def _refuse_while_it_collects(connections: Connections, registry: str) -> None:
    """What is put back while a registry collects may lose its layers at once."""
    for one in connections.ledger.plans(registry, {"executing"}, kind="collection"):
        if one.holder is not None:
            raise Refused(
                f"nothing is put back into {registry} while the run {one.holder} collects it (plan {one.short}): it"
                " might lose its layers at once; restore when it ended"
            )


def refuse_partial(restoration: Restoration) -> None:
    """Raise PartialFailure where something could not be put back, naming it."""
    if restoration.lost:
        told = "\n".join(f"  {one}" for one in restoration.lost[:20])
        raise PartialFailure(
            f"{len(restoration.lost)} of {len(restoration.restored)} images could not be put back:\n{told}"
        )


def _through_vendor(way: VendorWay, title: str, ordered: Sequence[JournalLine], tell: Progress) -> dict[int, Brought]:
    """What the vendor brought, by position."""
    brought: dict[int, Brought] = {}
    tell.begin(f"images through {title}", total=len(ordered))
    for line in reversed(ordered):
        brought[line.position] = way.bring_back(line.repository, line.digest, line.tags)
        tell.advance()
    return brought


def _was_taken(line: JournalLine) -> bool:
    """Kept for a request, and not found to stay: of a 404 nobody knows whether an answer before it was lost."""
    return line.kept_at is not None and (line.outcome is None or line.outcome.word not in _STAYS)


def _chosen(lines: Sequence[JournalLine], plan: Plan, images: Sequence[str], names: RegistryNames) -> list[JournalLine]:
    """The lines that the images name, and those of what belongs to them; what belongs to another comes first."""
    wanted: set[Image] = set()
    for image in images:
        named = {(line.repository, line.digest) for line in lines if _is_named(line, _without_host(image, names))}
        if not named:
            raise Refused(
                f"the plan {plan.fingerprint[:12]} did not delete {image}: its journal shows what it did; write a"
                " repository, `repository:tag` or `repository@digest`"
            )
        wanted |= named
    # Owners stand before what belongs to them in a plan: one walk finds all of it.
    for line in lines:
        owners = plan.entries[line.position].owners
        if any((line.repository, owner) in wanted for owner in owners):
            wanted.add((line.repository, line.digest))
    taken = [line for line in lines if not images or (line.repository, line.digest) in wanted]
    return taken[::-1]


def _without_host(image: str, names: RegistryNames) -> str:
    """The repository with its tag or digest, where a reference to this registry is written; else the text as it is."""
    try:
        reference = Reference.parse(image)
    except InvalidReference:
        return image
    if not image.partition("/")[1] or not (of := names.repositories(reference.registry, reference.repository)):
        return image
    return str(replace(reference, registry="", repository=of[-1]))


def _is_named(line: JournalLine, image: str) -> bool:
    repository, at, digest = image.partition("@")
    if at:
        return (line.repository, line.digest) == (repository, digest)
    if image in (line.repository, line.digest):
        return True
    repository, colon, tag = image.rpartition(":")
    return bool(colon) and line.repository == repository and tag in line.tags
