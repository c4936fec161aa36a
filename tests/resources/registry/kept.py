"""A memory of crawls in a dictionary: what the database does for a crawl, as plainly as can be."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from registry_core.catalog import ManifestFacts, RepositoryCrawled


class Kept:
    """Remembers what crawls found."""

    def __init__(self) -> None:
        self.repositories: dict[str, RepositoryCrawled] = {}
        self.manifests: dict[str, ManifestFacts] = {}
        self._asked: dict[str, Mapping[str, datetime]] = {}

    def keep(self, crawled: Iterable[RepositoryCrawled]) -> list[RepositoryCrawled]:
        found = list(crawled)
        for repository in found:
            before = self.referrers_read_at(repository.repository)
            self.repositories[repository.repository] = repository
            self.manifests.update({facts.digest: facts for facts in repository.manifests})
            self._asked[repository.repository] = {**before, **_asked(repository)}
        return found

    def digests_of(self, repository: str) -> Mapping[str, str]:
        seen = self.repositories.get(repository)
        return {tag.tag: tag.digest for tag in seen.tags if tag.digest} if seen else {}

    def known(self, digests: Iterable[str]) -> Mapping[str, ManifestFacts]:
        return {digest: self.manifests[digest] for digest in digests if digest in self.manifests}

    def referrers_read_at(self, repository: str) -> Mapping[str, datetime]:
        return self._asked.get(repository, {})

    def referrers_of(self, repository: str) -> Mapping[str, Collection[str]]:
        found: dict[str, list[str]] = {}
        seen = self.repositories.get(repository)
        for image in seen.images if seen else ():
            facts = self.manifests.get(image.digest)
            if image.found_by == "referrer" and facts and facts.subject:
                found.setdefault(facts.subject, []).append(image.digest)
        return found


def _asked(repository: RepositoryCrawled) -> dict[str, datetime]:
    return {image.digest: image.referrers_read_at for image in repository.images if image.referrers_read_at}
