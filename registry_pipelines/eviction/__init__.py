"""Carrying out an approved plan, and the way back. Knows no Dagster: jobs and commands call it.

execution ──> waves of families ──> last_look ──> keeping (journal, quarantine) ──> deleting ──> health_guard
restoring: what the journal kept is put back        collection: the registry frees the bytes
"""
