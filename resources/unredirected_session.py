"""A session of `requests` that follows no redirect: our clients decide about each one themselves, or refuse it.

Trap: with `allow_redirects=False` alone, requests still parses the `Location`, and raises ValueError for one that is
not an address.
"""

from __future__ import annotations

import requests


class UnredirectedSession(requests.Session):
    """An answer that redirects is an answer like any other. May be shared as any session may."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """No place."""
        return None
