"""Fixtures that every test may ask for by name."""

from tests.registries import docker_registry

__all__ = ["docker_registry"]
