"""What is wrong between registries that are right in themselves: one registry under two names, and one name for two."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from registry_core.host_names import why_no_host
from registry_core.registry_identity import host_identity, same_host, same_registry
from resources.configuration.document import KeyPath
from resources.configuration.registry_settings import RegistrySettings, host_meant

Registries = Mapping[str, RegistrySettings | None]


def crosscheck_registries(registries: Registries) -> Iterator[tuple[KeyPath, str]]:
    """(place, what is wrong) for each problem. An entry that could not be read is None: nothing is said of it.

    A use is counted for one registry: what a second entry of the same one holds would count as unused.
    """
    earlier: dict[str, RegistrySettings] = {}
    for name, registry in registries.items():
        if registry is not None:
            yield from _claimed_twice(name, registry, earlier)
            earlier[name] = registry
    yield from _rewritten_twice(registries)


def _claimed_twice(
    name: str, registry: RegistrySettings, earlier: Mapping[str, RegistrySettings]
) -> Iterator[tuple[KeyPath, str]]:
    for other, before in earlier.items():
        if same_registry(registry.url, before.url):
            yield (
                ("registries", name, "url"),
                f"`{registry.url}` is the registry `{other}` already; a registry has one entry, so drop one of the two",
            )
            continue
        taken = {host_identity(host) for host in before.known_as}
        shared = next((host for host in registry.known_as if host_identity(host) in taken), None)
        if shared is not None:
            where = "hosts" if any(same_host(shared, host) for host in registry.hosts) else "url"
            yield (
                ("registries", name, where),
                f"`{shared}` belongs to the registry `{other}` already; a host names one registry, so give them"
                " different `hosts`, or drop one",
            )


def _rewritten_twice(registries: Registries) -> Iterator[tuple[KeyPath, str]]:
    first: dict[tuple[str, str], tuple[str, str]] = {}
    for name, registry in ((name, one) for name, one in registries.items() if one is not None):
        for number, one in enumerate(registry.also_known_as):
            place: KeyPath = ("registries", name, "also_known_as", number)
            if one.of is not None and one.of not in registries and (fault := why_no_host(one.of)) is not None:
                yield (*place, "of"), f"{fault} (and no registry here is called so)"
                continue
            host, _, path = one.prefix.partition("/")
            of = host_meant(one, registry, registries)
            known_of, known_in = first.setdefault((host_identity(host), path), (of, name))
            if not same_host(of, known_of):
                yield (
                    (*place, "prefix"),
                    f"`{one.prefix}` is also known as `{known_of}` by the registry `{known_in}`; what is written before"
                    " a name means one registry, so keep one of the two",
                )
