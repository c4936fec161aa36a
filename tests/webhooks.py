"""Bodies that vendors send: real captures and the vendors' own examples, where the folder with them is there."""

from __future__ import annotations

from pathlib import Path

import pytest

#: Beside the checkout, or beside the folder of one.
_PLACES = [above / "shared" / "fixtures" / "webhooks" for above in Path(__file__).resolve().parents[2:4]]
SAMPLES = next((place for place in _PLACES if place.is_dir()), _PLACES[0])


def sample(name: str) -> bytes:
    """A body; skips the test where the samples are not there."""
    path = SAMPLES / name
    if not path.exists():
        pytest.skip(f"{path} is not here")
    return path.read_bytes()
