"""Evidence of a crawl whose list of repositories failed: what is not in it is unknown, not missing."""

from __future__ import annotations

from datetime import UTC, datetime

from assets.taking.inventory import take_inventory
from assets.taking.usage import take_usage
from assets.taking.versions import take_versions
from registry_core.catalog import RepositoryCrawled, TagSeen
from registry_core.coverage import Coverage, Gap
from resources.registry.crawling.listing import CATALOG
from tests.company import REGISTRY, Company


def test_a_list_of_repositories_that_failed_makes_no_repository_missing(company: Company) -> None:
    with company.connections() as connections:
        for cluster in connections.site.clusters:
            take_inventory(connections, cluster)
        with connections.history.begin("catalog", REGISTRY, datetime.now(UTC)) as writer:
            writer.add_repository(
                RepositoryCrawled("health/web", tags=(TagSeen("health/web", "1.5.0", None, "throttled"),))
            )
            writer.finish(Coverage(2, 1, {}, (Gap(CATALOG, "unreachable", "timed out"),)))
        _, frames, _ = take_usage(connections, REGISTRY)
        versions = {product.name: product for product in take_versions(connections).products}
    lost = frames.unresolved.groupby("repository")["fault"].agg(set).to_dict()
    assert lost["health/api"] == {"unreachable"}
    assert "missing" in lost["health/web"], "it was read, and 1.4.1 was not in it"
    assert versions["health/api"].unread == (f"{REGISTRY} could not be read: unreachable, timed out",)
    assert not versions["health/api"].has("uncatalogued")
    assert not versions["health/web"].unread
