"""Whether the configuration still means what a cut-over plan was made with: an approval is not for another registry."""

from __future__ import annotations

from registry_core.cutover import CutoverPlan
from registry_core.errors import Refused
from registry_core.registry_identity import same_host, same_registry
from resources.configuration.cutover_settings import CutoverSettings
from resources.connections import Connections


def settings_of(connections: Connections, plan: CutoverPlan) -> CutoverSettings:
    """The entry of the configuration, as long as it says what the plan says. Refused where it was changed since.

    So must the registry that is meant: the plan saw what this host and address serve, and nobody asked another one.
    """
    settings = connections.site.cutovers.get(plan.subject)
    basis = plan.basis
    secret = None if settings is None or settings.pull_secret is None else settings.pull_secret.name
    if settings is None or (settings.source, settings.to, secret) != (
        basis.source,
        basis.destination,
        basis.pull_secret,
    ):
        raise Refused(
            f"`cutovers.{plan.subject}` was changed or removed in the configuration since the plan"
            f" {plan.fingerprint[:12]} was made; make a new plan"
        )
    registry = connections.registry_settings(basis.destination)
    is_other = not same_host(registry.names[0], basis.host)
    if is_other or (basis.origin and not same_registry(basis.origin, registry.origin)):
        raise Refused(
            f"`registries.{basis.destination}` was {basis.host} ({basis.origin or 'address not kept'}) when the plan"
            f" {plan.fingerprint[:12]} was made, and is {registry.names[0]} ({registry.origin}) now; nobody looked"
            " whether it serves these images: make a new plan"
        )
    return settings
