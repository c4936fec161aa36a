"""A small OCI distribution registry over an OCI image layout on disk.

`EmbeddedRegistry(root)` serves it over HTTP, `Layout(root)` is the store alone.
"""

from resources.embedded_registry.access import Credentials
from resources.embedded_registry.layout import Layout, PushedManifest, StoredManifest
from resources.embedded_registry.rejections import Rejection
from resources.embedded_registry.server import EmbeddedRegistry

__all__ = ["Credentials", "EmbeddedRegistry", "Layout", "PushedManifest", "Rejection", "StoredManifest"]
