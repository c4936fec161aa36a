"""Mutants: small changes to the code that decides, each of which some test must notice. `make mutants` runs them.

    targets (which modules, by which tests) ──> mutations (one change each) ──> run (a fork for each, in memory)

A change that no test notices is a survivor. Each known survivor is in `survivors.toml` with the reason why it changes
nothing that matters; any other one is a missing test. Not part of `make test`: a sample takes half an hour.
"""
