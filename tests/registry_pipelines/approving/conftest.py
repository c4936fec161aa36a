"""Fixtures of decisions, which are filed in either database."""

from tests.postgresql import postgresql_server, postgresql_url

__all__ = ["postgresql_server", "postgresql_url"]
