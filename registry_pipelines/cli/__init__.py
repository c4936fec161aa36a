"""The command line: one command a file.

Modules here import at their top only what is light: `--help` is to answer at once. What needs pandas, a client
or Dagster is imported inside the command that uses it; this is the one place where that is allowed.
"""
