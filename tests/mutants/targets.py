"""Which modules are mutated, and by which tests each must be noticed. The one place that knows both."""

from __future__ import annotations

_DECIDING = [
    "tests/registry_core/test_retention.py", "tests/registry_core/test_retention_rollbacks.py",
    "tests/registry_core/test_retention_windows.py", "tests/registry_core/test_retention_unknown.py",
    "tests/registry_core/test_retention_broken.py", "tests/registry_core/test_retention_subjects.py",
    "tests/registry_core/test_retention_vendor.py", "tests/registry_core/test_retention_words.py",
    "tests/registry_core/test_single_tags.py", "tests/registry_core/test_eviction.py",
    "tests/registry_core/test_policy_examples.py", "tests/registry_core/test_retention_laws.py",
    "tests/registry_core/oracle",
]  # fmt: skip
_EXECUTING = [
    "tests/registry_pipelines/eviction/test_last_look.py", "tests/registry_pipelines/eviction/test_gone_or_there.py",
    "tests/registry_pipelines/eviction/test_waves.py", "tests/registry_pipelines/eviction/test_contradictions.py",
    "tests/registry_pipelines/eviction/test_evidence_renewed.py",
    "tests/registry_pipelines/eviction/test_policies_of_today.py",
    "tests/registry_pipelines/eviction/test_single_tags.py",
    "tests/registry_pipelines/eviction/test_past_uses.py", "tests/registry_pipelines/eviction/test_faults.py",
    "tests/registry_pipelines/eviction/test_law_of_deletion.py",
]  # fmt: skip
_LEDGER = [
    "tests/resources/database/test_ledger.py", "tests/resources/database/test_ledger_kinds.py",
    "tests/resources/database/test_ledger_codes.py",
]  # fmt: skip
_APPROVING = ["tests/registry_core/test_approval.py", "tests/registry_pipelines/approving/test_deciding.py"]

#: Module -> tests that must notice its changes, the quickest first.
TARGETS: dict[str, list[str]] = {
    "registry_core.retention": _DECIDING,
    "registry_core.retention_broken": _DECIDING,
    "registry_core.retention_closure": _DECIDING,
    "registry_core.retention_facts": _DECIDING,
    "registry_core.retention_laws": _DECIDING,
    "registry_core.retention_naming": _DECIDING,
    "registry_core.retention_order": _DECIDING,
    "registry_core.retention_rules": _DECIDING,
    "registry_core.retention_subjects": _DECIDING,
    "registry_core.retention_tags": _DECIDING,
    "registry_core.retention_use": _DECIDING,
    "registry_core.usage": ["tests/registry_core/test_usage.py", *_DECIDING],
    "registry_core.eviction_brakes": ["tests/registry_core/test_eviction.py"],
    "registry_core.eviction_check": ["tests/registry_core/test_eviction.py"],
    "registry_core.eviction_doubts": ["tests/registry_core/test_eviction_doubts.py", *_EXECUTING],
    "registry_core.eviction_shrink": [
        "tests/registry_core/test_eviction_shrink.py", "tests/registry_core/test_single_tags.py", *_EXECUTING,
    ],
    "registry_core.eviction_use": [
        "tests/registry_core/test_eviction_shrink.py", "tests/registry_core/test_single_tags.py", *_EXECUTING,
    ],
    "registry_core.references": ["tests/registry_core/test_references.py"],
    "registry_core.registry_identity": [
        "tests/registry_core/test_registry_identity.py", "tests/registry_core/test_registry_directory.py",
    ],
    "registry_core.registry_directory": ["tests/registry_core/test_registry_directory.py"],
    "registry_core.approval": _APPROVING,
    "registry_core.approval_codes": [*_APPROVING, *_LEDGER],
    "registry_core.persons": _APPROVING,
    "resources.database.ledger_claims": _LEDGER,
    "resources.database.ledger_decisions": [*_LEDGER, "tests/registry_pipelines/approving/test_deciding.py"],
    "registry_pipelines.eviction.last_look": _EXECUTING,
    "registry_pipelines.eviction.deleting": _EXECUTING,
    "registry_pipelines.eviction.execution": _EXECUTING,
}  # fmt: skip
