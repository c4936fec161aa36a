"""Names that a person types and the site's file must know."""

from __future__ import annotations

from collections.abc import Sequence

import typer


def known_clusters(named: Sequence[str], configured: Sequence[str]) -> Sequence[str]:
    """The same names. Raises BadParameter for one that is not configured."""
    for name in named:
        if name not in configured:
            known = ", ".join(configured) or "none"
            raise typer.BadParameter(f"no cluster is called {name}; configured are: {known}", param_hint="--cluster")
    return named
