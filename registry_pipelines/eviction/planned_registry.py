"""Whether the configuration still means the registry that an eviction plan is about."""

from __future__ import annotations

from registry_core.errors import Refused
from registry_core.eviction import Plan
from registry_core.registry_identity import same_registry
from resources.connections import Connections


def refuse_another_registry(connections: Connections, plan: Plan) -> None:
    """Raise Refused where the name of the plan's registry has another address in the configuration: what was approved
    is of the registry at the old one."""
    planned, now = plan.basis.origin, connections.registry_settings(plan.basis.registry).origin
    if planned and not same_registry(planned, now):
        raise Refused(
            f"the plan {plan.fingerprint[:12]} is about the registry at {planned}, and in the configuration"
            f" `registries.{plan.basis.registry}` is at {now}; make a new plan, or correct the `url`"
        )
