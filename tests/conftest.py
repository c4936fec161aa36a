"""Fixtures that every test may ask for by name."""

from tests.registries import docker_registry, embedded_registry

__all__ = ["docker_registry", "embedded_registry"]
