"""`health_report`: what is in use and cannot be had, and what is stored and broken."""

import dagster as dg
import pandas as pd

from assets import image_usage, registry_catalog
from assets.cluster_inventory import timing
from assets.failures import told_to_dagster
from assets.names import HEALTH, OWNERS, registries_of
from assets.presentation import Metadata, amount, coverage_markdown, markdown_table, moment, summary_markdown, table
from assets.taking.health import Examination, take_health
from assets.taking.progress import LoggedProgress
from registry_core.coverage import FAULTS
from registry_core.plain_rows import plain_rows
from resources.configuration.settings import Site
from resources.database.snapshots import Snapshot
from resources.site import SiteResource

KEY = dg.AssetKey("health_report")
#: A whole digest cannot be wrapped, and stretches the page of the UI.
_WHOLE_DIGEST = r"(sha\d+:[0-9a-f]{12})[0-9a-f]{52,}"

HEALTHY = dg.AssetCheckSpec(
    "nothing_in_use_is_broken",
    asset=KEY,
    description="Every image in use can be pulled: its manifest, the children for the platforms of the nodes, its"
    " config and every layer. The severity is that of the gravest environment that is hurt.",
)


def build_health_report(site: Site, by_itself: dg.AutomationCondition[dg.AssetKey]) -> dg.AssetsDefinition:
    """The asset, partitioned by the registries of the configuration."""

    @dg.asset(
        key=KEY,
        partitions_def=registries_of(site),
        deps=[image_usage.KEY, registry_catalog.KEY],
        group_name=HEALTH,
        kinds={"oci", "pandas"},
        owners=OWNERS,
        check_specs=[HEALTHY],
        automation_condition=by_itself,
        description="Findings, each one of missing, corrupt, forbidden, unreachable, throttled, with the workloads"
        " it hurts: images in use that cannot be had whole, references that resolve to nothing, pull errors that"
        " clusters report, and what is stored and broken. With `check_everything` the whole registry.",
    )
    def health_report(context: dg.AssetExecutionContext, site: SiteResource) -> dg.MaterializeResult:
        with told_to_dagster(), site.connections() as connections:
            progress = LoggedProgress(context.log.info)
            snapshot, found = take_health(connections, context.partition_key, progress=progress, run_id=context.run_id)
        return dg.MaterializeResult(metadata=describe(snapshot, found), check_results=[_healthy(found.findings)])

    return health_report


def describe(snapshot: Snapshot, found: Examination) -> Metadata:
    """Findings in words and numbers, the worst as a table."""
    findings = found.findings
    hurting = findings[findings["used_by"].ne("")]
    errors = hurting[hurting["severity"].eq("error")]
    headline = (
        "**Healthy.** Everything in use can be pulled."
        if hurting.empty
        else f"**{amount(len(errors), 'error')} and {amount(len(hurting) - len(errors), 'warning')} in use.**"
    )
    oldest = found.evidence.oldest
    told = _for_people(findings)
    summary = [
        f"{headline} {amount(found.images, 'image')} looked at, {amount(found.parts, 'part')} asked for."
        f" The oldest evidence is the {oldest.kind} of {oldest.source}, {moment(oldest.as_of)}.",
        coverage_markdown(found.coverage),
        markdown_table(told.loc[hurting.index], {name: name for name in ("finding", "image", "hurts")}, rows=6),
    ]
    unused = len(findings) - len(hurting)
    if unused:
        summary.append(f"{amount(unused, 'finding')} about what nobody uses.")
    summary += [f"Not looked at: {gap}" for gap in found.unseen]
    described: Metadata = {
        "summary": summary_markdown(summary),
        "dagster/row_count": len(findings),
        "errors": len(errors),
        "findings about what is in use": len(hurting),
        **{fault: int(findings["kind"].eq(fault).sum()) for fault in FAULTS},
        **timing(snapshot, found.parts, "parts", since=snapshot.as_of),
    }
    if not findings.empty:
        described["findings"] = table(told, ["severity", "finding", "image", "hurts"])
        described["why"] = table(told, ["image", "detail"])
    return described


def _for_people(findings: pd.DataFrame) -> pd.DataFrame:
    """Findings in few and short columns: what is wrong with which image, and whom it hurts."""
    columns = ["kind", "what", "repository", "tag", "digest", "platform", "detail"]
    rows = [
        # A text that is no reference has no repository; its finding begins with the text.
        (
            f"{kind} {what}{f' {platform}' if platform else ''}",
            _name(repository, tag, digest) or _without_host(detail.partition(": ")[0]),
        )
        for kind, what, repository, tag, digest, platform, detail in plain_rows(findings, columns)
    ]
    return findings.assign(
        finding=[finding for finding, _ in rows],
        image=[image for _, image in rows],
        hurts=findings["used_by"],
        detail=findings["detail"].str.replace(_WHOLE_DIGEST, r"\1…", regex=True),
    )


def _name(repository: str | None, tag: str | None, digest: str | None) -> str:
    """Repository with tag, or with the beginning of the digest; a finding about a whole repository has neither."""
    if not repository or not (tag or digest):
        return repository or ""
    return f"{repository}:{tag or (digest or '')[:15]}"


def _without_host(text: str) -> str:
    """What was written, but for the host: this is the report of one registry, and its page is narrow."""
    host, _, rest = text.partition("/")
    return rest if rest and ("." in host or ":" in host) else text


def _healthy(findings: pd.DataFrame) -> dg.AssetCheckResult:
    hurting = findings[findings["used_by"].ne("")]
    errors = int(hurting["severity"].eq("error").sum())
    told = _for_people(hurting)
    names = [f"{image} ({finding})" for image, finding in zip(told["image"], told["finding"], strict=True)]
    more = f", and {len(names) - 5} more" if len(names) > 5 else ""
    return dg.AssetCheckResult(
        check_name="nothing_in_use_is_broken",
        passed=hurting.empty,
        severity=dg.AssetCheckSeverity.ERROR if errors else dg.AssetCheckSeverity.WARN,
        description="Everything in use can be pulled." if not names else f"{', '.join(names[:5])}{more}",
        metadata={"errors": errors, "warnings": len(hurting) - errors},
    )
