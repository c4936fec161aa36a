"""Environments of single namespaces, where a cluster holds several."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Annotated

from pydantic import Field

from resources.configuration.base import Environment

NamespaceGlob = Annotated[str, Field(pattern=r"^[a-z0-9*?-]+$")]

Namespaces = dict[NamespaceGlob, Environment]
"""Environment by glob of namespaces: `staging-*: staging`."""


def environment_of_namespace(namespaces: Namespaces, namespace: str, otherwise: str) -> str:
    """The environment by the first glob, in the order of the file, that matches the *whole* name.

    Trap: never by a part of it, `prod` is not in `nonprod`.
    """
    return next((found for glob, found in namespaces.items() if fnmatchcase(namespace, glob)), otherwise)
