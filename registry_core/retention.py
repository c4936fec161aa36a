"""Retention: decide for every image of a catalog whether it stays, and why.

Any reason to keep wins. What is not known (a date, a manifest, the tags of a repository) is a reason to keep.
"""

from __future__ import annotations

import numpy as np

from registry_core.catalog import CatalogFrames
from registry_core.policy_rules import Policies
from registry_core.retention_closure import keep_what_belongs
from registry_core.retention_decisions import Decisions
from registry_core.retention_evidence import Evidence
from registry_core.retention_facts import gather_facts
from registry_core.retention_laws import reasons_by_law
from registry_core.retention_reasons import Reason
from registry_core.retention_rules import reasons_by_rule
from registry_core.retention_tags import reasons_of_tags
from registry_core.usage import UsageFrames


def decide(policies: Policies, catalog: CatalogFrames, usage: UsageFrames, *, evidence: Evidence) -> Decisions:
    """Decide on every image of `catalog`, by the policies, the usage of the same registry and the laws.

    `catalog` must hold a row for every manifest that is listed: one without a row counts as lost. `usage` must reach
    back `policies.longest_window`; what of it counts is judged here, by the entry of each repository.

    The same input in any order of rows gives the same decisions. Where a repository is used by no cluster and
    its entry says `when_unused: evict`, no rule of the entry is asked; the laws still hold. Raises ValueError
    for a catalog that holds an image twice.
    """
    facts = gather_facts(policies, catalog, usage, evidence)
    nodes, emptied = facts.nodes, facts.emptied
    reasons, newer = reasons_by_rule(facts)
    tag_reasons = reasons_of_tags(facts)
    for bit in (Reason.TAG, Reason.VERSION, Reason.VERSION_ORDER):
        reasons[nodes.tag_image[tag_reasons & np.uint32(bit) != 0]] |= np.uint32(bit)
    reasons[emptied[nodes.repository]] = 0
    tag_reasons[np.append(emptied, False)[nodes.tag_repository]] = 0

    reasons |= reasons_by_law(facts)
    keep_what_belongs(reasons, facts)
    return Decisions(facts=facts, newer=newer, reasons=reasons, tag_reasons=tag_reasons)
