"""Paths in the configuration: relative to the folder of its file, with `~` for the home directory."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, ValidationInfo

#: Key of pydantic's validation context that holds the folder of the configuration file.
FOLDER = "folder"

# Bytes, on Linux and macOS (PATH_MAX and NAME_MAX).
_LONGEST_PATH, _LONGEST_NAME = 4095, 255


def from_home(path: str) -> Path:
    """`path` with `~` resolved. Raises ValueError, with what to write instead, for what no file can be called."""
    try:
        encoded = os.fsencode(path)
    except UnicodeEncodeError:
        encoded = b"\0"
    if b"\0" in encoded:
        raise ValueError("the path holds a character that no file name can; write it again")
    if len(encoded) > _LONGEST_PATH or any(len(part) > _LONGEST_NAME for part in encoded.split(b"/")):
        raise ValueError("the path is longer than any can be; write it again")
    try:
        return Path(path).expanduser()
    except RuntimeError:  # what pathlib raises for a user whom the system does not know
        user = path.partition("/")[0]
        raise ValueError(f"the home directory of {user!r} is not known; write the path in full") from None


def beside(folder: Path, path: str) -> str:
    """`path` made absolute: `~` is the home directory, anything relative starts at `folder`.

    Links are kept: Kubernetes changes a mounted secret by pointing a link elsewhere. Raises ValueError as `from_home`.
    """
    return os.path.abspath(folder / from_home(path))


def _resolve(path: str, info: ValidationInfo) -> str:
    folder = (info.context or {}).get(FOLDER)
    if not path.strip():
        raise ValueError("the path is empty: write where the file is, or drop the key")
    return beside(folder, path) if folder is not None else str(from_home(path))


FilePath = Annotated[str, AfterValidator(_resolve)]
"""A path, absolute once the file was read by `load_site`; else only `~` is resolved."""
