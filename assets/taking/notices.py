"""What there is to tell now: findings, plans, executions, the age of the evidence."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from assets.plan_presentation import agreement_text
from assets.taking.believed import newest_believed
from assets.taking.waiting import find_waits
from registry_core.errors import IncompleteSnapshot
from registry_core.findings import FINDING_COLUMNS, FINDING_KEY, Finding
from registry_core.monitoring_evidence import SourceEvidence
from registry_core.notices import Gravity, Topic
from registry_core.plain_rows import plain_rows
from registry_core.waiting import Wait, who_waits
from resources.configuration.settings import Site
from resources.connections import Connections
from resources.database.ledger_records import PlanRecord
from resources.database.sightings import SnapshotKind
from resources.notify.datadog_delivery import Count

LinkOfPlan = Callable[[PlanRecord], str | None]
"""The whole address of a plan's form or page; given by the storey that knows them."""

#: What ended longer ago than this is no news to an audience that never heard of it.
NEWS = timedelta(days=1)

_PLANS_LOOKED_AT = 200
_LONGEST_LINE = 300

_WORKLOAD = re.compile(r"(?:^|, )(?P<cluster>[^\s,]+) (?P<namespace>[^\s/,]+)/")


@dataclass(frozen=True, slots=True)
class Present:
    """All topics as they are now. `looked_at` are groups and keys of which nothing was overlooked."""

    topics: tuple[Topic, ...]
    looked_at: frozenset[str]
    counts: tuple[Count, ...]


def gather_topics(connections: Connections, now: datetime, link_of_plan: LinkOfPlan) -> Present:
    """Read what stands now from the history. Raises DatabaseError."""
    topics: list[Topic] = []
    looked_at: set[str] = set()
    counts: list[Count] = []
    for registry in connections.site.registries:
        found = _findings(connections, registry)
        topics += found
        if _health_is_whole(connections, registry) and not any(_could_not_look(topic) for topic in found):
            looked_at.add(_group_of_findings(registry))
        for severity in ("error", "warning"):
            number = sum(topic.state.startswith(severity) for topic in found)
            counts.append(Count("findings", number, (f"registry:{registry}", f"severity:{severity}")))
    plans = list(_plans(connections, now, link_of_plan))
    evidence = list(_evidence(connections, now))
    looked_at |= {_key_of_evidence("inventory", name) for name in connections.site.clusters}
    looked_at |= {_key_of_evidence("catalog", name) for name in connections.site.registries}
    replications = list(_replications(connections))
    looked_at |= {_key_of_replication(name) for name in connections.site.replications}
    counts.append(Count("replications_failing", len(replications)))
    counts.append(Count("plans_waiting", sum(topic.subject == "plans" for topic in plans)))
    counts.append(Count("stale_sources", len(evidence)))
    return Present((*topics, *plans, *evidence, *replications), frozenset(looked_at), tuple(counts))


def _group_of_findings(registry: str) -> str:
    return f"Findings in {registry}"


def _health_is_whole(connections: Connections, registry: str) -> bool:
    newest = connections.history.latest("health", registry)
    return newest is not None and newest.complete


def _could_not_look(topic: Topic) -> bool:
    """Parts behind what does not answer were not asked for: nothing of the registry is told as mended meanwhile."""
    return topic.state.endswith((" unreachable", " throttled"))


def _findings(connections: Connections, registry: str) -> list[Topic]:
    try:
        frame = connections.history.read_findings(registry)
    except IncompleteSnapshot:
        return []  # no health report yet, so its group was not looked at
    return [
        _finding_topic(connections.site, registry, Finding(*row)) for row in plain_rows(frame, list(FINDING_COLUMNS))
    ]


def _finding_topic(site: Site, registry: str, finding: Finding) -> Topic:
    # Not by its kind: what was missing and is now unreachable is the same trouble, and not mended.
    identity = "\n".join(str(getattr(finding, name)) for name in FINDING_KEY if name != "kind")
    name = f"{finding.repository or '?'}:{finding.tag}" if finding.tag else finding.repository or "?"
    hurts = f"; hurts {finding.used_by}" if finding.used_by else ""
    gravity: Gravity = "failure" if finding.severity == "error" else "warning"
    return Topic(
        key=f"finding {registry} {hashlib.sha256(identity.encode()).hexdigest()[:24]}",
        subject="findings",
        group=_group_of_findings(registry),
        state=f"{finding.severity} {finding.kind}",
        line=_cut(f"{finding.kind}: {finding.what} of {name}: {finding.detail}{hurts}"),
        gravity=gravity,
        environments=frozenset(_environments(site, finding)) or frozenset({"none"}),
    )


def _environments(site: Site, finding: Finding) -> Iterator[str]:
    """Where it hurts. The texts name workloads up to a number, and clusters all."""
    named = [(found["cluster"], found["namespace"]) for found in _WORKLOAD.finditer(finding.used_by)]
    for cluster in filter(None, finding.clusters.split(", ")):
        namespaces = {namespace for where, namespace in named if where == cluster}
        if not namespaces and cluster in site.clusters:
            yield site.clusters[cluster].environment
        yield from (site.environment_of(cluster, namespace) for namespace in namespaces)


def _plans(connections: Connections, now: datetime, link_of: LinkOfPlan) -> Iterator[Topic]:
    ledger = connections.ledger
    for record in ledger.plans(states={"waiting"}, limit=_PLANS_LOOKED_AT, now=now):
        yield Topic(
            key=f"plan {record.fingerprint}",
            subject="plans",
            group=f"{_capital(record.words.article)} for {record.subject} waits for approval",
            state="waiting",
            line=_cut(
                f"{agreement_text(record)}. {_capital(record.validity)}. `registry-pipelines plan show {record.short}`"
            ),
            gravity="warning",
            link=link_of(record),
        )
    for record in ledger.plans(states={"done", "stopped"}, limit=_PLANS_LOOKED_AT, now=now):
        ended = record.finished_at or record.made_at
        stopped = record.state == "stopped"
        yield Topic(
            key=f"execution {record.fingerprint}",
            subject="executions",
            group=f"{record.words.title} {record.subject} {'was stopped' if stopped else 'is done'}",
            state=record.state,
            line=_cut(
                f"Plan {record.short}, {record.words.count(record.counted)}, {record.state} at"
                f" {ended:%Y-%m-%d %H:%M} UTC"
                + (f": {record.why}" if record.why else "")
                + f". `registry-pipelines journal {record.short}`"
            ),
            gravity="failure" if stopped else "success",
            link=link_of(record),
            quiet=now - ended > NEWS,
        )


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def _key_of_evidence(kind: str, name: str) -> str:
    return f"evidence {kind} {name}"


def _evidence(connections: Connections, now: datetime) -> Iterator[Topic]:
    site, history = connections.site, connections.history
    sources: list[tuple[SnapshotKind, str, timedelta, str | None]] = [
        *(("inventory", name, site.limits.max_inventory_age, one.environment) for name, one in site.clusters.items()),
        *(("catalog", name, site.limits.max_catalog_age, None) for name in site.registries),
    ]
    waits = find_waits(site, history, now)
    for kind, name, max_age, environment in sources:
        newest = history.latest(kind, name)
        whole = newest_believed(history, kind, name, max_unread_share=site.limits.max_unread_share)
        source = SourceEvidence(
            kind=kind,
            source=name,
            read_at=newest.as_of if newest else None,
            whole_at=whole.as_of if whole else None,
            max_age=max_age,
            gaps=newest.coverage.unexcused if newest else (),
        )
        standing = source.standing(now)
        if standing == "fresh":
            continue
        needed = kind != "inventory" or site.clusters[name].required
        waiting = [wait for wait in waits if any((lack.kind, lack.source) == (kind, name) for lack in wait.lacks)]
        yield Topic(
            key=_key_of_evidence(kind, name),
            subject="evidence",
            group="Evidence is stale",
            state=standing,
            # Not its age, which changes all the time, and is told once.
            line=_cut(f"{source.why(now)}{_consequence(waiting, now, needed=needed)}"),
            gravity="failure" if waiting else "warning",
            environments=frozenset({environment}) if environment else frozenset(),
        )


def _consequence(waiting: Sequence[Wait], now: datetime, *, needed: bool) -> str:
    """What is not made before a source is read."""
    if waiting:
        return f"; {who_waits(waiting, now)}"
    return "" if needed else "; not required, so nothing waits for it"


def _key_of_replication(name: str) -> str:
    return f"replication {name}"


def _replications(connections: Connections) -> Iterator[Topic]:
    """Rules of which the last run did not end well."""
    for name in connections.site.replications:
        runs = connections.history.replications.runs(name)
        if runs is None or runs.failing_since is None:
            continue
        since = f"{runs.failing_since:%Y-%m-%d %H:%M} UTC"
        yield Topic(
            key=_key_of_replication(name),
            subject="replications",
            group=f"Replication {name} fails",
            state=f"failing since {since}",
            # Why may change from run to run, and is told once.
            line=_cut(f"{name} since {since}: {runs.why}"),
            gravity="failure",
        )


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_LINE else text[: _LONGEST_LINE - 1] + "…"
