"""The whole service over the sample company, and what a browser can tell of a page: its width, colours and noise."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from assets.taking.catalog import take_catalog
from assets.taking.health import take_health
from assets.taking.inventory import take_inventory
from assets.taking.plan import take_plan
from assets.taking.single_copies import take_single_copies
from assets.taking.usage import take_usage
from assets.taking.versions import take_versions
from registry_core.collection import CollectionPlan, CollectionWay, Uncollected
from registry_core.plans import AnyPlan
from registry_core.retention_evidence import Snapshot
from registry_pipelines.quickstart.folder import QuickstartFolder
from registry_pipelines.web.copies_page import copies_routes
from registry_pipelines.web.kept_report import KeptReport
from registry_pipelines.web.plan_pages import plan_routes
from registry_pipelines.web.plan_reader import PlanReader
from registry_pipelines.web.standing import Reader
from registry_pipelines.web.versions_page import versions_routes
from resources.configuration.load import load_site
from resources.connections import Connections
from resources.embedded_registry import EmbeddedRegistry
from resources.processes import free_port
from tests.registry_core.test_migration import plan as migration_plan
from tests.registry_pipelines.browser import Browser
from tests.registry_pipelines.web.service import Service, at_once, served

SAMPLE = Path(__file__).parents[3] / "examples" / "quickstart"


@dataclass(frozen=True)
class Look:
    """How a person looks at a page."""

    name: str
    width: int
    height: int
    scheme: str
    mobile: bool = False


LOOKS = tuple(
    Look(f"{device} {scheme}", width, height, scheme, mobile)
    for device, width, height, mobile in (("wide", 1400, 1000, False), ("phone", 360, 780, True))
    for scheme in ("light", "dark")
)

#: Of every text that is seen: how much it stands out from what lies behind it (WCAG 2.1, "contrast ratio").
_FAINT_TEXTS = """
const parts = (colour) => (colour.match(/[\\d.]+/g) || []).map(Number);
const light = ([r, g, b]) => {
  const one = (v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  return 0.2126 * one(r) + 0.7152 * one(g) + 0.0722 * one(b);
};
const behind = (node) => {
  for (let at = node; at; at = at.parentElement) {
    const found = parts(getComputedStyle(at).backgroundColor);
    if (found.length === 3 || found[3] > 0.99) return found;
  }
  return [255, 255, 255];
};
const faint = [];
for (const node of document.querySelectorAll("body *")) {
  const own = Array.from(node.childNodes).some((one) => one.nodeType === 3 && one.textContent.trim());
  if (!own || !node.getClientRects().length || ["SCRIPT", "STYLE", "OPTION"].includes(node.tagName)) continue;
  const [a, b] = [light(parts(getComputedStyle(node).color)), light(behind(node))];
  const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  const told = `${node.tagName} ${node.className}: ${node.textContent.trim().slice(0, 40)}`;
  if (ratio < 4.5) faint.push(`${told} ${ratio.toFixed(2)}`);
}
return faint;
"""

#: What sticks out at the right of the page or of its card, unless it may be scrolled inside a box of its own.
_STICKING_OUT = """
const told = (node) => `${node.tagName} ${node.className}: ${node.textContent.trim().slice(0, 40)}`;
const wide = document.documentElement.clientWidth + 1;
const out = document.documentElement.scrollWidth <= wide ? [] : Array.from(document.querySelectorAll("body *"))
  .filter((node) => node.getBoundingClientRect().right > wide);
for (const card of document.querySelectorAll("section")) {
  const edge = card.getBoundingClientRect().right - parseFloat(getComputedStyle(card).paddingRight) + 1;
  out.push(...Array.from(card.querySelectorAll("*")).filter(
    (node) => !node.closest(".scroll") && node.getClientRects().length && node.getBoundingClientRect().right > edge));
}
return out.slice(0, 10).map(told);
"""


def take_look(browser: Browser, address: str, look: Look) -> None:
    driver: Any = browser.driver
    size = {"width": look.width, "height": look.height, "deviceScaleFactor": 1, "mobile": look.mobile}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    media = {"features": [{"name": "prefers-color-scheme", "value": look.scheme}]}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    browser.open(address)


def faint_texts(browser: Browser) -> list[str]:
    return list(browser.driver.execute_script(_FAINT_TEXTS))


def sticking_out(browser: Browser) -> list[str]:
    return list(browser.driver.execute_script(_STICKING_OUT))


def is_dark(browser: Browser) -> bool:
    found = browser.driver.execute_script("return getComputedStyle(document.body).backgroundColor.match(/\\d+/g)")
    return sum(map(int, found[:3])) < 200


def complaints(browser: Browser) -> list[str]:
    """What the browser's console says: blocked by the policy, not found, scripts that broke."""
    return [str(entry["message"]) for entry in browser.driver.get_log("browser")]


@contextmanager
def company_served(folder: Path) -> Iterator[tuple[Service, dict[str, str]]]:
    """The service with all its pages, and the fingerprint of a plan of each kind that has a page of its own."""
    port = free_port(0)
    quick = QuickstartFolder(folder)
    quick.prepare(SAMPLE, registry_url=f"http://127.0.0.1:{port}")
    with Connections(load_site(quick.site_file)) as connections:
        with EmbeddedRegistry(quick.registry, port=port, durable=False):
            for cluster in connections.site.clusters:
                take_inventory(connections, cluster)
            for registry in connections.site.registries:
                take_catalog(connections, registry)
                take_usage(connections, registry)
                take_health(connections, registry)
            (name,) = connections.site.registries
            plans = {"eviction": take_plan(connections, name).plan, **_others(name)}
        for plan in plans.values():
            connections.ledger.save_plan(plan, made_at=datetime.now(UTC))
        site, history = connections.site, connections.history
        versions = KeptReport(site, history, lambda: take_versions(connections))
        copies = KeptReport(site, history, lambda: take_single_copies(connections))
        more = [*versions_routes(versions), *copies_routes(copies), *plan_routes(PlanReader(history))]
        with served(at_once(Reader(site, history).look), more=more) as service:
            yield service, {kind: plan.fingerprint for kind, plan in plans.items()}


def _others(registry: str) -> dict[str, AnyPlan]:
    now = datetime.now(UTC)
    way = CollectionWay("pod", "pods app=registry in registry of the cluster production", ("registry", "collect"), "/r")
    collection = CollectionPlan(
        registry=registry,
        way=way,
        as_of=now,
        catalog=Snapshot("1", now),
        expected_bytes=123_456_789,
        max_plan_age=timedelta(hours=24),
        entries=tuple(Uncollected(f"{number:064x}", now, 1_000 * number) for number in range(1, 30)),
    )
    return {"collection": collection, "migration": migration_plan(as_of=now)}
