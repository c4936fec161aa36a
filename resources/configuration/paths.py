"""Paths in the configuration: relative to the folder of its file, with `~` for the home directory."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, ValidationInfo

#: Key of pydantic's validation context that holds the folder of the configuration file.
FOLDER = "folder"


def beside(folder: Path, path: str) -> str:
    """`path` made absolute: `~` is the home directory, anything relative starts at `folder`.

    Links are kept: Kubernetes changes a mounted secret by pointing a link elsewhere.
    """
    return os.path.abspath(folder / Path(path).expanduser())


def _resolve(path: str, info: ValidationInfo) -> str:
    folder = (info.context or {}).get(FOLDER)
    if not path.strip():
        raise ValueError("the path is empty: write where the file is, or drop the key")
    return beside(folder, path) if folder is not None else str(Path(path).expanduser())


FilePath = Annotated[str, AfterValidator(_resolve)]
"""A path, absolute once the file was read by `load_site`; else only `~` is resolved."""
