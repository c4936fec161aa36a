"""What a source deleted, as policies for the destination: exactly that may go, and any reason to keep wins."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from registry_core.policy import read_policies
from registry_core.policy_rules import Policies
from registry_core.replication_deletions import DeletionPolicies, deletion_policies
from registry_core.replication_status import Gone
from registry_core.retention import decide
from registry_core.retention_evidence import Evidence
from tests.registry_core.small_registry import AS_OF, SmallRegistry, digest

TAGS = pd.DataFrame([("web", tag) for tag in ("v1", "v2", "v3")] + [("api", "v1")], columns=["repository", "tag"])


def gone(tag: str = "v1", repository: str = "web") -> Gone:
    return Gone(repository=repository, to_repository=repository, digest=digest(tag), tag=tag, replicated_at=AS_OF)


def policies(*entries: Gone, site: list[dict[str, object]] | None = None) -> DeletionPolicies:
    return deletion_policies(entries, TAGS, read_policies(site) if site else Policies(()))


def test_every_other_tag_is_kept_by_name_and_other_repositories_are_not_looked_at() -> None:
    found = policies(gone("v1"), gone("v3")).policies
    assert found is not None
    (entry,) = found.entries
    assert (entry.repositories, entry.keep_tags, entry.untagged) == (("web",), ("v2",), None)
    assert entry.keep_in_use is not None
    assert read_policies(found.to_json()) == found


def test_what_the_site_keeps_is_kept_and_what_it_protects_is_left_out() -> None:
    rules = [
        {"repositories": ["api"], "protect": True},
        {"repositories": ["**"], "keep_last": 3, "when_unused": "evict"},
    ]
    found = policies(gone("v1"), gone("v1", "api"), site=rules)
    assert found.policies is not None
    (entry,) = found.policies.entries
    assert (entry.keep_last, entry.when_unused, entry.keep_tags) == (3, "same", ("v2", "v3"))
    assert found.left_out == ("api is protected by policies[0]",)
    assert policies().policies is None


def test_exactly_what_the_source_deleted_may_go() -> None:
    theirs = SmallRegistry("theirs")
    for name in ("v1", "v2", "v3", "used"):
        theirs.image("web", name, name, pushed=10, children=[f"{name} amd64"])
        theirs.image("web", f"{name} amd64", pushed=10)
    theirs.image("web", "shared", "shared", "deleted-name", pushed=10)
    theirs.image("web", "nameless", pushed=10)
    theirs.image("api", "api", "v1", pushed=10)
    theirs.use("web", "used")
    deleted = [gone("v1"), gone("used"), replace(gone("deleted-name"), digest=digest("shared"))]
    catalog = theirs.catalog()
    found = deletion_policies(deleted, catalog.tags, Policies(())).policies
    assert found is not None
    decisions = decide(found, catalog, theirs.uses(), evidence=Evidence.at(AS_OF))
    images = catalog.images[decisions.evicted]
    assert set(images["digest"]) == {digest("v1"), digest("v1 amd64")}
