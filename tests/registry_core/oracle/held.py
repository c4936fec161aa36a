"""The promises of the policy page that are held."""

from __future__ import annotations

from tests.registry_core.oracle.world import Rules

#: Without those that the product does not hold yet.
HELD = Rules(same_digest_elsewhere=False)
