"""A history in each of the two databases; the tests of this folder run once on each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from resources.database.history import History
from resources.database.ledger import Ledger
from tests.postgresql import postgresql_server

__all__ = ["postgresql_server"]


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/history.sqlite"
    return str(request.getfixturevalue("postgresql_server").new_database())


@pytest.fixture
def history(url: str) -> Iterator[History]:
    opened = History.open(url)
    yield opened
    opened.close()


@pytest.fixture
def ledger(history: History) -> Ledger:
    return history.ledger
