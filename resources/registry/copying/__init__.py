"""Copies of images from registry to registry, digests unchanged: nothing twice, tags last, success read back.

`Copier(source, destination, choice).plan(images)` says what would happen, `.copy(images)` does it.
"""

from resources.registry.copying.copier import Copier

__all__ = ["Copier"]
