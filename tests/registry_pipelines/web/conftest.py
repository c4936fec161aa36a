from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.registry_pipelines.web.service import Service, Site, at_once, served, site_in


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with site_in(tmp_path) as opened:
        yield opened


@pytest.fixture
def service(site: Site) -> Iterator[Service]:
    """Over the site's history, without a token."""
    with served(at_once(site.reader.look)) as running:
        yield running
