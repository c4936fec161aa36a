"""Carrying out an approved migration plan: the deed. It can only shrink the plan."""
