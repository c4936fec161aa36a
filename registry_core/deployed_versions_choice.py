"""A part of the report: some clusters, some repositories, only what drifts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from registry_core.deployed_versions import VersionsReport
from registry_core.globs import compile_globs


def choose(
    report: VersionsReport, *, clusters: Sequence[str] = (), repositories: Sequence[str] = (), drift: bool = False
) -> VersionsReport:
    """The products that match; of nothing named, all. Raises ValueError for a text that is no glob.

    With clusters, only products deployed in one of them are left, and only those places; what deserves a look still
    tells of all, because a difference needs both sides.
    """
    wanted = compile_globs(repositories)
    products = [one for one in report.products if (not repositories or wanted.matches(one.name))]
    if drift:
        products = [one for one in products if one.drifts]
    places = set(report.places)
    if clusters:
        here = [
            replace(one, deployed=tuple(each for each in one.deployed if each.cluster in clusters)) for one in products
        ]
        products = [one for one in here if one.deployed]
        places = {each.place for one in products for each in one.deployed}
    return replace(report, products=tuple(products), places=tuple(place for place in report.places if place in places))
