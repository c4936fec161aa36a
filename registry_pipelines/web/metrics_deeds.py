"""Families of what was planned and done: plans, deletions, restorations, copies, readings and what they met.

The runs that do it are other processes, so all of it is counted from what they stored.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

from prometheus_client.core import Metric

from registry_core.coverage import FAULTS, REQUESTS
from registry_core.cutover_outcome import CUTOVER_WORDS, CutoverOutcome
from registry_core.eviction_outcome import OUTCOME_WORDS
from registry_pipelines.web.families import Scrape, counter, gauge
from resources.database.ledger_records import PlanState
from resources.database.totals import FINAL_OUTCOMES, NOBODY_KNOWS

_STATES: tuple[PlanState, ...] = get_args(PlanState)
_DEEDS = ("delete", "untag")
_REQUESTS_ABOUT = (
    "Requests that crawls sent to a registry and to its vendor's API.",
    "Of these those that were told to come later, whether or not a retry helped.",
    "Of these those that failed in a way that can pass (5xx, no connection), whether or not a retry helped.",
)
_COPY_OUTCOMES = ("copied", "already there", "conflict", "failed")


def plans(scrape: Scrape) -> Iterator[Metric]:
    """Zero is told for every state of what had a plan, so that an alert sees it end."""
    totals, now = scrape.standing.totals, scrape.moment.now
    number = gauge("plans", "Plans in each state.", "kind", "subject", "state")
    size = gauge("plans_counted", "Images of the plans in each state (workloads, of cut-overs).",
                 "kind", "subject", "state")  # fmt: skip
    newest = gauge("newest_plan", "Figures of the newest plan: how many there are, or bytes.",
                   "kind", "subject", "figure")  # fmt: skip
    age = gauge("newest_plan_age_seconds", "Age of the evidence of the newest plan.", "kind", "subject")
    waits = gauge("plan_waiting_seconds", "Since when the newest plan waits for a decision; absent where none does.",
                  "kind", "subject")  # fmt: skip
    for record in totals.newest:
        labels = [record.kind, record.subject]
        for state in _STATES:
            number.add_metric([*labels, state], totals.plans.get((record.kind, record.subject, state), 0))
            size.add_metric([*labels, state], totals.counted.get((record.kind, record.subject, state), 0))
        figures = {f"{record.words.noun}s": record.counted, "entries": record.entry_count, **record.figures}
        for name, value in figures.items():
            newest.add_metric([*labels, name], value)
        age.add_metric(labels, (now - record.as_of).total_seconds())
        if record.state == "waiting":
            waits.add_metric(labels, (now - record.made_at).total_seconds())
    yield from (number, size, newest, age, waits)


def evictions(scrape: Scrape) -> Iterator[Metric]:
    totals = scrape.standing.totals
    ended = counter("eviction_entries", "Entries of eviction plans that ended for good: images deleted or single tags"
                    " removed, gone before, or spared.", "registry", "deed", "outcome")  # fmt: skip
    undone = gauge("eviction_entries_not_done", "Entries of eviction plans that were begun and did not end for good,"
                   " as the journals stand.", "registry", "deed", "outcome")  # fmt: skip
    back = counter("images_restored", "Evicted images that were asked back and are.", "registry")
    for registry in sorted({*scrape.standing.registries, *(subject for subject, _, _ in totals.evicted)}):
        for deed in _DEEDS:
            for outcome in (*OUTCOME_WORDS, NOBODY_KNOWS):
                family = ended if outcome in FINAL_OUTCOMES else undone
                family.add_metric([registry, deed, outcome], totals.evicted.get((registry, deed, outcome), 0))
        back.add_metric([registry], totals.restored.get(registry, 0))
    yield from (ended, undone, back)


def copies(scrape: Scrape) -> Iterator[Metric]:
    """Of migrations that were carried out, or tried."""
    totals = scrape.standing.totals
    ended = counter("copies", "Images of migrations that were copied, or were there already.", "migration", "outcome")
    undone = gauge("copies_not_done", "Images of migrations that were not copied when it was last tried.",
                   "migration", "outcome")  # fmt: skip
    sent = counter("copied_bytes", "Bytes that were sent for images that were copied.", "migration")
    for migration in sorted({name for name, _ in totals.copied}):
        for outcome in _COPY_OUTCOMES:
            family = ended if outcome in FINAL_OUTCOMES else undone
            family.add_metric([migration, outcome], totals.copied.get((migration, outcome), 0))
        sent.add_metric([migration], totals.sent_bytes.get(migration, 0))
    yield from (ended, undone, sent)


def collections(scrape: Scrape) -> Iterator[Metric]:
    """Of registries that are configured, so that zero is told before the first."""
    totals = scrape.standing.totals.journals
    ended = counter("collections", "Collections that ended, by whether they succeeded.", "registry", "outcome")
    freed = counter("collected_bytes", "Bytes that collections freed, where they told it.", "registry")
    for registry in sorted({*scrape.standing.registries, *(name for name, _ in totals.collections)}):
        for outcome in ("succeeded", "failed"):
            ended.add_metric([registry, outcome], totals.collections.get((registry, outcome), 0))
        freed.add_metric([registry], totals.freed_bytes.get(registry, 0))
    yield from (ended, freed)


def cutovers(scrape: Scrape) -> Iterator[Metric]:
    totals = scrape.standing.totals.journals
    ended = counter("cutover_workloads", "Workloads of cut-overs that ended for good.", "cutover", "outcome")
    undone = gauge("cutover_workloads_not_done", "Workloads of cut-overs that were looked at and did not end for good,"
                   " as the journals stand.", "cutover", "outcome")  # fmt: skip
    back = counter("cutover_workloads_returned", "Workloads that a rollback returned.", "cutover")
    for name in sorted({name for name, _ in totals.workloads}):
        for word in CUTOVER_WORDS:
            family = ended if CutoverOutcome(word).is_final else undone
            family.add_metric([name, word], totals.workloads.get((name, word), 0))
        undone.add_metric([name, NOBODY_KNOWS], totals.workloads.get((name, NOBODY_KNOWS), 0))
        back.add_metric([name], totals.returned.get(name, 0))
    yield from (ended, undone, back)


def replications(scrape: Scrape) -> Iterator[Metric]:
    """What is behind is told by `replication_status`; here stands what the runs wrote down."""
    totals, now = scrape.standing.totals.journals, scrape.moment.now
    images = gauge("replicated_images", "Images by what the last try at each came to.", "replication", "outcome")
    well = gauge("replication_age_seconds", "Since when the last run that ended well is over; absent before it.",
                 "replication")  # fmt: skip
    failing = gauge("replication_failing_seconds", "Since when the runs fail; absent while they do not.",
                    "replication")  # fmt: skip
    for rule in totals.rules:
        for outcome in _COPY_OUTCOMES:
            images.add_metric([rule.name, outcome], totals.replicated.get((rule.name, outcome), 0))
        if rule.ended_well_at is not None:
            well.add_metric([rule.name], (now - rule.ended_well_at).total_seconds())
        if rule.failing_since is not None:
            failing.add_metric([rule.name], (now - rule.failing_since).total_seconds())
    yield from (images, well, failing)


def readings(scrape: Scrape) -> Iterator[Metric]:
    """What crawls met at registries, and what inventories and catalogs could not read after all."""
    totals = scrape.standing.totals
    stored = counter("snapshots", "Snapshots that were stored, by whether they are whole.", "kind", "source", "state")
    faults = counter("reading_faults", "Places (repositories, kinds of objects) that a snapshot could not read after"
                     " all retries: throttled, forbidden, unreachable …", "kind", "source", "fault")  # fmt: skip
    for source in scrape.standing.sources:
        if source.kind in ("inventory", "catalog"):
            labels = [source.kind, source.source]
            for state in ("complete", "incomplete"):
                stored.add_metric([*labels, state], totals.readings.get((source.kind, source.source, state), 0))
            for fault in FAULTS:
                faults.add_metric([*labels, fault], totals.faults.get((source.kind, source.source, fault), 0))
    asked = tuple(
        counter(f"crawl_{what.replace(' ', '_')}", about, "registry")
        for what, about in zip(REQUESTS, _REQUESTS_ABOUT, strict=True)
    )
    for registry in sorted({*scrape.standing.registries, *(name for name, _ in totals.requests)}):
        for family, what in zip(asked, REQUESTS, strict=True):
            family.add_metric([registry], totals.requests.get((registry, what), 0))
    yield from (stored, faults, *asked)
