"""The way to bring back what was deleted through a registry's vendor, where it has one."""

from __future__ import annotations

from resources.registry.connection import RegistryConnection
from resources.registry.providers.choice import changing_ghcr_sign_in, own_settings_of, token_sign_in
from resources.registry.providers.ghcr_restoration import GhcrRestoration
from resources.registry.providers.ibm_restoration import IbmRestoration
from resources.registry.providers.quay_restoration import QuayRestoration
from resources.registry.providers.vendor_restoration import VendorRestoration


def restoration_of(connection: RegistryConnection) -> VendorRestoration | None:
    """None where no vendor can. Signs in as its deletions do. Nothing is contacted."""
    settings, label = connection.settings, connection.label
    own = own_settings_of(settings)
    if own.ghcr is not None:
        return GhcrRestoration(
            label, settings, own.ghcr, changing_ghcr_sign_in(settings, own.ghcr, connection.credentials)
        )
    if own.quay is not None and own.quay.token is not None:
        return QuayRestoration(label, settings, own.quay, token_sign_in(own.quay.token))
    if own.ibm is not None:
        return IbmRestoration(label, settings, own.ibm)
    return None
