"""Are the source and the destination of a rule one registry, under two names that are not known to be one?

Two names of one host are known to be one (`registry_identity`); a second DNS name or a proxy is not. Such a rule would
copy what it has just written, under a longer name each time. The registry itself says it: what was stored at the
destination a moment ago, under a name that the source did not have, is at the source as well.
"""

from __future__ import annotations

from registry_core.copy_rule import CopyRule
from registry_core.copying import CopyOutcome
from registry_core.errors import Refused, RegistryError
from resources.database.remembered import RememberedRegistry
from resources.registry.client import RegistryClient
from resources.registry.connection import RegistryConnection


class OneRegistryCheck:
    """Asks once in a run, about the first image that got another name. `remembered` is the catalog of the source."""

    def __init__(self, rule: CopyRule, source: RegistryConnection, remembered: RememberedRegistry) -> None:
        self._rule = rule
        self._client = RegistryClient(source)
        self._remembered = remembered
        self._is_done = False

    def look(self, outcome: CopyOutcome) -> None:
        """Raises Refused where what was just copied is at the source, under the name of the destination."""
        image = outcome.image
        renamed = image.to_repository != image.repository
        if self._is_done or outcome.word != "copied" or image.to_tag is None or not renamed:
            return
        if self._remembered.digests_of(image.to_repository).get(image.to_tag) == outcome.digest:
            return  # it was at the source before, so that it is there now says nothing
        self._is_done = True
        try:
            found = self._client.head_manifest(image.to_repository, image.to_tag)
        except RegistryError:
            return  # not there, or not known: then nothing speaks for one registry
        if found == outcome.digest:
            raise Refused(
                f"{self._rule.source} and {self._rule.destination} are one registry under two names:"
                f" {image.to_repository}:{image.to_tag} was just copied to {self._rule.destination}, and"
                f" {self._rule.source} has it as well, so the next run would copy it again; correct the `url` of one,"
                f" or leave {image.to_repository} out with `what.exclude`"
            )
