"""`copy`: one image with all that belongs to it, from one registry to another."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from registry_core.errors import ConfigError, PartialFailure, Refused, RegistryError
from registry_core.references import Reference
from registry_pipelines.cli.invocation import invocation
from registry_pipelines.cli.next_command import note_reading_again
from registry_pipelines.cli.output import JsonOption, form_of, note, progress, show

if TYPE_CHECKING:
    from registry_core.copying import CopyOutcome, CopyProgress, ImageCopy
    from resources.configuration.load import LoadedSite

_COLUMNS = (
    "image", "outcome", "digest", "manifests", "sent_bytes", "sent_blobs", "mounted_blobs", "seconds", "conflicts",
    "foreign_layers", "lost", "detail",
)  # fmt: skip


#: What is known of the destination's tag after a failure: it was read back, or nothing is said of it.
_TAG = {False: "Its tag was not written. ", True: "Its tag points to the image all the same. ", None: ""}


class OnConflict(Enum):
    """What happens to a tag of the destination that points to another image."""

    REFUSE = "refuse"
    OVERWRITE = "overwrite"
    KEEP = "keep"


def copy(
    context: typer.Context,
    source: Annotated[
        str, typer.Argument(metavar="SOURCE", help="registry/repository:tag or @sha256:…; a configured name or a host.")
    ],
    destination: Annotated[
        str, typer.Argument(metavar="DESTINATION", help="registry/repository[:tag]. Default: the tag of SOURCE.")
    ],
    no_referrers: Annotated[bool, typer.Option("--no-referrers", help="Leave out what names it as subject.")] = False,
    no_signatures: Annotated[
        bool, typer.Option("--no-signatures", help="Leave out cosign's tags (.sig, .att, .sbom).")
    ] = False,
    foreign: Annotated[
        bool, typer.Option("--foreign", help="Also fetch layers that lie elsewhere by their manifest.")
    ] = False,
    on_conflict: Annotated[
        OnConflict, typer.Option(help="What to do with a tag that points to another image.")
    ] = OnConflict.REFUSE,
    repair: Annotated[
        bool, typer.Option("--repair", help="Also look whether blobs of what is there already are lost.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Copy one image with everything that belongs to it, digests unchanged, its tag last.

    All platforms, attestations, signatures and SBOMs go with it. What the destination has is not sent; what another
    of its repositories is known to have is mounted. Run it again after a failure: it goes on with what is missing.
    Exit code 3 when a tag points to another image and was refused, 4 when the image could not be read or not be stored
    whole, 5 when a registry does not answer.
    """
    form = form_of(as_json, False)
    loaded = invocation(context).site_if_any()

    from registry_core.copying import CopyChoice, ImageCopy
    from registry_pipelines.config import open_registry  # pycurl, pydantic
    from resources.registry.copying import Copier

    from_registry, from_image = _read(source, loaded, "SOURCE")
    to_registry, to_image = _read(destination, loaded, "DESTINATION")
    if to_image.digest is not None:
        raise ConfigError(
            "a copy keeps the digest, so the destination has none of its own; write a tag, or nothing",
            subject="DESTINATION",
        )
    wanted = from_image.with_default_tag()
    to_tag = to_image.tag or wanted.tag
    image = ImageCopy(wanted.repository, str(wanted.digest or wanted.tag), to_image.repository, to_tag)
    choice = CopyChoice(
        referrers=not no_referrers,
        signatures=not no_signatures,
        foreign_layers=foreign,
        on_conflict=on_conflict.value,
        repair=repair,
    )
    copier = Copier(
        open_registry(from_registry, loaded, tell=note), open_registry(to_registry, loaded, tell=note), choice
    )
    outcome = _carry_out(copier, image)
    show([_row(outcome)], _COLUMNS, form)
    configured = _configured(loaded, to_registry)
    if outcome.word == "copied" and configured is not None:
        note_reading_again(context, "catalog", configured)
    _conclude(outcome, f"{source} to {destination}")


def _carry_out(copier: Any, image: ImageCopy) -> CopyOutcome:
    with progress("copying", in_bytes=True) as advance:
        told = 0

        def tell(so_far: CopyProgress) -> None:
            nonlocal told
            advance(so_far.sent_bytes - told, total=so_far.expected_bytes)
            told = so_far.sent_bytes

        (outcome,) = copier.copy([image], tell)
    result: CopyOutcome = outcome
    return result


def _read(text: str, loaded: LoadedSite | None, place: str) -> tuple[str, Reference]:
    """The registry that is meant, and the image there. Raises ConfigError or InvalidReference."""
    scheme, _, address = text.rpartition("://")
    registry, slash, rest = address.partition("/")
    configured = loaded.site.registries if loaded is not None else {}
    if scheme or registry in configured:
        if not slash or not rest:
            raise ConfigError(
                f"`{text}` names no image; write `{text.rstrip('/')}/repository:tag`",
                subject=place,
            )
        return (f"{scheme}://{registry}" if scheme else registry), Reference.parse(f"registry.invalid/{rest}")
    reference = Reference.parse(text)
    return reference.registry, reference


def _configured(loaded: LoadedSite | None, registry: str) -> str | None:
    """The name by which the site's file knows the registry that was written; None where it does not."""
    if loaded is None or registry in loaded.site.registries:
        return None if loaded is None else registry
    return loaded.site.registry_of_host(registry.rpartition("://")[2])


def _row(outcome: CopyOutcome) -> dict[str, Any]:
    return {
        "image": str(outcome.image),
        "outcome": outcome.word,
        "digest": outcome.digest,
        "manifests": outcome.manifests,
        "sent_bytes": outcome.sent_bytes,
        "sent_blobs": outcome.sent_blobs,
        "mounted_blobs": outcome.mounted_blobs,
        "seconds": round(outcome.duration.total_seconds(), 3),
        "conflicts": [str(conflict) for conflict in outcome.conflicts],
        "foreign_layers": list(outcome.foreign_layers),
        "lost": list(outcome.lost),
        "detail": outcome.detail,
    }


def _conclude(outcome: CopyOutcome, what: str) -> None:
    if outcome.foreign_layers:
        note(f"{len(outcome.foreign_layers)} foreign layers lie elsewhere and were not fetched; `--foreign` does")
    if outcome.lost:
        note(f"the source lists {len(outcome.lost)} referrers that it does not have: {', '.join(outcome.lost)}")
    if outcome.word == "conflict" and any(conflict.ruling == "refused" for conflict in outcome.conflicts):
        raise Refused(f"could not copy {what}: {outcome.detail}; choose with `--on-conflict overwrite` or `keep`")
    if outcome.word != "failed":
        return
    arrived = outcome.sent_blobs + outcome.mounted_blobs
    if outcome.fault in ("unreachable", "throttled") and not arrived:
        raise RegistryError(outcome.detail, fault=outcome.fault, retryable=outcome.retryable)
    went_so_far = f" {arrived} {'blob' if arrived == 1 else 'blobs'} arrived." if arrived else ""
    raise PartialFailure(
        f"could not copy {what}: {outcome.detail}.{went_so_far} {_TAG[outcome.tag_written]}Run it again to go on"
    )
