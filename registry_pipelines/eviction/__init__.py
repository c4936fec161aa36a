"""Carrying out an approved plan, and the way back. Knows no Dagster: jobs and commands call it.

execution ──> waves of families ──> last_look ──> keeping (journal, quarantine) ──> deleting ──> health_guard
                                        └─ fresh_evidence, kept fresh                   └─ another look, where needed
run_journal: what earlier runs and this one did
restoring: what the journal kept is put back        collection: the registry frees the bytes
"""
