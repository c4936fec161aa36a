"""The changing verbs of a registry's vendor, where it has any beyond those of the OCI API."""

from __future__ import annotations

from resources.registry.connection import RegistryConnection
from resources.registry.providers.aliyun_deletion import AliyunDeletion
from resources.registry.providers.api_sign_in import BasicSignIn
from resources.registry.providers.azure_deletion import AzureDeletion
from resources.registry.providers.choice import azure_sign_in, changing_ghcr_sign_in, own_settings_of, token_sign_in
from resources.registry.providers.docker_hub import hub_sign_in
from resources.registry.providers.docker_hub_deletion import DockerHubDeletion
from resources.registry.providers.ecr_deletion import EcrDeletion
from resources.registry.providers.ghcr_deletion import GhcrDeletion
from resources.registry.providers.google_deletion import GoogleDeletion
from resources.registry.providers.google_sign_in import google_sign_in
from resources.registry.providers.harbor_deletion import HarborDeletion
from resources.registry.providers.ibm_deletion import IbmDeletion
from resources.registry.providers.quay_deletion import QuayDeletion
from resources.registry.providers.vendor_deletion import VendorDeletion
from resources.registry.sign_in.login import CredentialSource


def deletion_of(connection: RegistryConnection, credentials: CredentialSource) -> VendorDeletion | None:
    """None where deletion is the OCI API's own. `credentials` are those that may delete. Nothing is contacted.

    Quay without a token can only be read: there the registry itself is asked to delete.
    """
    settings, label = connection.settings, connection.label
    own = own_settings_of(settings)
    deletion: VendorDeletion | None = None
    if own.ghcr is not None:
        deletion = GhcrDeletion(label, settings, own.ghcr, changing_ghcr_sign_in(settings, own.ghcr, credentials))
    elif own.harbor is not None:
        deletion = HarborDeletion(label, settings, own.harbor, BasicSignIn(credentials))
    elif own.docker_hub is not None:
        deletion = DockerHubDeletion(label, settings, own.docker_hub, hub_sign_in(credentials))
    elif own.quay is not None and own.quay.token is not None:
        deletion = QuayDeletion(label, settings, own.quay, token_sign_in(own.quay.token))
    elif own.azure is not None:
        sign_in = azure_sign_in(label, settings, own.azure, credentials, action="delete")
        deletion = AzureDeletion(label, settings, sign_in)
    elif own.ecr is not None:
        deletion = EcrDeletion(label, settings, own.ecr)
    elif own.google is not None:
        deletion = GoogleDeletion(label, settings, own.google, google_sign_in(own.google))
    elif own.ibm is not None:
        deletion = IbmDeletion(label, settings, own.ibm)
    elif own.aliyun is not None:
        deletion = AliyunDeletion(label, settings, own.aliyun)
    return deletion
