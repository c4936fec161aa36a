"""The check *everything planned is there, byte for byte*: reads back what a migration copied, now and on schedule."""

import warnings

import dagster as dg

from assets import migration_outcome
from assets.failures import told_to_dagster
from assets.names import migrations_of
from assets.presentation import Metadata, amount, size
from assets.taking.migration_verification import MigrationVerification, verify_migration
from assets.taking.progress import LoggedProgress
from resources.configuration.settings import Site
from resources.site import SiteResource

NAME = "everything_planned_is_there_byte_for_byte"
KEY = dg.AssetCheckKey(migration_outcome.KEY, NAME)

_SHOWN = 10


def build_migration_is_there(site: Site) -> dg.AssetChecksDefinition:
    """The check, partitioned by the migrations of the configuration."""
    with warnings.catch_warnings():  # that checks can be partitioned is new in Dagster; its minor version is pinned
        warnings.simplefilter("ignore", dg.PreviewWarning)
        return _check(site)


def _check(site: Site) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=migration_outcome.KEY,
        name=NAME,
        partitions_def=migrations_of(site),
        description="Every image that was copied, or was there already, is at the destination: every manifest proven"
        " from its bytes, every blob asked for its size (`verify: deep`: read and proven), every tag there. Run again"
        " on schedule, because copies decay.",
    )
    def everything_is_there(context: dg.AssetCheckExecutionContext, site: SiteResource) -> dg.AssetCheckResult:
        with told_to_dagster(), site.connections() as connections:
            progress = LoggedProgress(context.log.info)
            verified = verify_migration(connections, context.partition_key, progress=progress)
        return judge(verified)

    return everything_is_there


def judge(verified: MigrationVerification) -> dg.AssetCheckResult:
    """Passed when everything that was to be copied was, is there, and was asked for. What could not be asked is a
    warning: nothing is known of it. What the plan could not read is named, however the check ends."""
    found, lacking = verified.found, [one for one in verified.not_copied if one.entry.copies]
    unreadable = [one for one in verified.not_copied if not one.entry.copies]
    damaged, unknown = found.damaged, found.unknown
    moved = sum(len(image.moved_tags) for image in found.images)
    how = "every blob was read and proven" if verified.is_deep else "every blob was asked for its size"
    metadata: Metadata = {
        "images": len(found.images),
        "not copied": len(verified.not_copied),
        "not whole": len(damaged),
        "could not be asked": len(unknown),
        "tags that point elsewhere since": moved,
        "manifests proven": sum(image.manifests for image in found.images),
        "plan": verified.record.fingerprint,
    }
    if verified.is_deep:
        metadata["bytes read"] = sum(image.read_bytes for image in found.images)
    if not verified.is_whole:
        lines = [f"- {one.image}: **{one.fault}**, {one.detail}" for one in (*damaged, *unknown)[:_SHOWN]]
        lines += [f"- {one.entry}: **not copied**, {one.why}" for one in verified.not_copied[:_SHOWN]]
        metadata["what is wrong"] = dg.MetadataValue.md("\n".join(lines))
    if verified.is_whole:
        sentence = f"All {amount(len(found.images), 'image')} are there; {how}."
        if verified.is_deep:
            sentence = sentence[:-1] + f" ({size(int(metadata['bytes read']))})."
    else:
        parts = [f"{amount(len(lacking), 'image')} not copied"] if lacking else []
        parts += [f"{amount(len(damaged), 'image')} not whole"] if damaged else []
        parts += [f"{amount(len(unknown), 'image')} could not be asked for"] if unknown else []
        firsts = [f"{one.image}: {one.detail}" for one in (*damaged, *unknown)[:1]] or [str(lacking[0])]
        count = len(found.images) + len(lacking)
        sentence = f"{', '.join(parts)} of {count:,}; first {firsts[0]}. Repair the cause and plan again."
    if unreadable:
        were = "image of the plan was" if len(unreadable) == 1 else "images of the plan were"
        sentence += (
            f" {len(unreadable):,} {were} never copied, as the source could not give them; first {unreadable[0]}."
        )
    return dg.AssetCheckResult(
        passed=verified.is_whole,
        severity=dg.AssetCheckSeverity.ERROR if damaged or lacking else dg.AssetCheckSeverity.WARN,
        description=sentence,
        metadata=metadata,
    )
