"""Carry out replication rules: compare, and copy what is missing. Nothing here can delete."""
