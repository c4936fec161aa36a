"""From the site's file to the things it names: sources and clients, opened at the moment of use.

Loading is cheap and contacts nothing; each `…_of` says what it opens.
"""

from __future__ import annotations

from pathlib import Path

from resources.configuration.load import LoadedSite, load_site


def load(path: Path | None = None) -> LoadedSite:
    """The site, read and checked. Raises ConfigError with all problems of the file."""
    return load_site(path)
