"""What is wrong between rules that copy and the rest of the file, and among themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from registry_core.copy_circles import circles
from registry_core.registry_identity import same_registry
from resources.configuration.document import KeyPath
from resources.configuration.migration_settings import CopyRuleSettings

if TYPE_CHECKING:
    from resources.configuration.registry_settings import RegistrySettings
from resources.configuration.settings import ClusterSettings


def crosscheck_copies(
    rules: Mapping[KeyPath, CopyRuleSettings],
    *,
    clusters: Mapping[str, ClusterSettings | None],
    registries: Mapping[str, RegistrySettings | None],
) -> Iterator[tuple[KeyPath, str]]:
    """(place, what is wrong) for each problem, over all rules that copy, of whatever section."""
    for place, rule in rules.items():
        yield from _ends(place, rule, registries)
        for number, cluster in enumerate(rule.what.in_use):
            if cluster not in clusters:
                yield (
                    (*place, "what", "in_use", number),
                    f"no cluster is called `{cluster}`; configured are: {', '.join(clusters) or 'none'}",
                )
    places = {".".join(str(part) for part in place): place for place in rules}
    named = [rules[place].rule(name) for name, place in places.items() if rules[place].source != rules[place].to]
    for circle in circles(named):
        yield (
            places[circle.rules[-1].name],
            f"it closes a circle: {circle}; an image would come back to where it came from, so leave its repositories"
            " out of one of them with `what.exclude`",
        )


def _ends(
    place: KeyPath, rule: CopyRuleSettings, registries: Mapping[str, RegistrySettings | None]
) -> Iterator[tuple[KeyPath, str]]:
    for key, name in (("from", rule.source), ("to", rule.to)):
        if name not in registries:
            known = ", ".join(registries) or "none"
            yield (*place, key), f"no registry is called `{name}`; configured are: {known}"
    source, destination = registries.get(rule.source), registries.get(rule.to)
    if rule.source == rule.to:
        yield (*place, "to"), f"`{rule.to}` is where it copies from; name another registry"
    elif source is not None and destination is not None and same_registry(source.url, destination.url):
        yield (
            (*place, "to"),
            f"`{rule.source}` and `{rule.to}` are one registry ({source.host}); name another one",
        )
