"""The whole chain on the sample company: dumps and registry are read, joined, examined, served, asked."""

from __future__ import annotations

from pathlib import Path

from assets.taking.catalog import take_catalog
from assets.taking.health import take_health
from assets.taking.inventory import take_inventory
from assets.taking.usage import take_usage
from registry_pipelines.quickstart.folder import QuickstartFolder
from registry_pipelines.web.standing import Reader
from resources.configuration.load import load_site
from resources.connections import Connections
from resources.embedded_registry import EmbeddedRegistry
from resources.processes import free_port
from tests.registry_pipelines.web.service import HOST, at_once, served

SAMPLE = Path(__file__).parents[3] / "examples" / "quickstart"


def test_the_check_tells_what_was_broken_in_the_sample(tmp_path: Path) -> None:
    port = free_port(0)
    folder = QuickstartFolder(tmp_path)
    folder.prepare(SAMPLE, registry_url=f"http://127.0.0.1:{port}")
    with Connections(load_site(folder.site_file)) as connections:
        with EmbeddedRegistry(folder.registry, port=port, durable=False):
            for cluster in connections.site.clusters:
                take_inventory(connections, cluster)
            for registry in connections.site.registries:
                take_catalog(connections, registry)
                take_usage(connections, registry)
                take_health(connections, registry)
        # The registry is down now: the check stands on what was seen.
        with served(at_once(Reader(connections.site, connections.history).look)) as service:
            assert service.check() == (
                200,
                [
                    "CRITICAL: Missing images: 1 ImagePullBackOff errors in prod. Otherwise: 2 image problems in prod,"
                    " 1 in staging, and 0 in other namespaces",
                    f"ImagePullBackOff: {HOST}/Shop/Frontend:2026.03 (and not running anywhere)",
                    f"['no digest']: {HOST}/shop/frontend:2026.03 (is running on: node-production)",
                    f"['layer missing']: {HOST}/tools/runner:1.1.3 (is running on: node-production)",
                    f"['no digest', 'ImagePullBackOff']: {HOST}/shop/cart:main-00000ff (and not running anywhere)",
                ],
            )
            assert service.get("/_health").json()["evidence"] == "fresh"
