"""Rows of inventories by the registry that they mean: the directory applied to whole frames, each distinct name once.

`rows` have the columns `registry` (a host, as written) and `repository`, both None where unknown.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from registry_core.registry_directory import RegistryDirectory, RegistryNames


def located(rows: pd.DataFrame, names: RegistryNames) -> pd.DataFrame:
    """All rows and the column `ours`: whether a row means the registry of `names`.

    Where it does, `repository` is as it is called there; a row that means two repositories there is there twice. A text
    that is no reference (`repository` None) is judged by its host. The index is new.
    """
    codes, found = _homes(rows, names)
    # All homes of all names in one array, and for each row the places of its own.
    flat = np.array([*(repository for homes in found for repository in homes), None], dtype=object)[:-1]
    counts = np.array([len(homes) for homes in found], dtype=np.int64)
    starts = np.cumsum(counts) - counts
    times = np.maximum(counts[codes], 1)
    row = np.repeat(np.arange(len(rows)), times)
    nth = np.arange(len(row)) - np.repeat(np.cumsum(times) - times, times)
    ours = (counts[codes] > 0)[row]
    here = rows.iloc[row].reset_index(drop=True)
    repositories = here["repository"].to_numpy(dtype=object).copy()
    repositories[ours] = flat[(starts[codes][row] + nth)[ours]]
    return here.assign(repository=pd.Series(repositories, index=here.index, dtype=object), ours=ours)


def own_rows(rows: pd.DataFrame, names: RegistryNames) -> pd.DataFrame:
    """The rows that mean the registry of `names`, with their `repository` as it is called there."""
    found = located(rows, names)
    return found[found["ours"]].drop(columns="ours")


def owned(rows: pd.DataFrame, names: RegistryNames) -> pd.Series[bool]:
    """Which rows mean the registry of `names`."""
    codes, found = _homes(rows, names)
    return pd.Series(np.array([bool(homes) for homes in found], dtype=bool)[codes], index=rows.index)


def originals(rows: pd.DataFrame, directory: RegistryDirectory) -> pd.DataFrame:
    """The rows with `registry` (configured name, else the host), `host` and `repository` of their original.

    Every row has a repository.
    """
    codes, pairs = pd.factorize(pd.MultiIndex.from_frame(rows[["registry", "repository"]]))
    homes = [directory.original(host, repository) for host, repository in pairs]
    columns = {
        "registry": [home.registry or home.host for home in homes],
        "host": [home.host for home in homes],
        "repository": [home.repository for home in homes],
    }
    table = {name: np.array([*texts, None], dtype=object)[:-1] for name, texts in columns.items()}
    return rows.assign(**{name: pd.Series(texts[codes], index=rows.index) for name, texts in table.items()})


def _homes(rows: pd.DataFrame, names: RegistryNames) -> tuple[npt.NDArray[Any], list[tuple[str | None, ...]]]:
    """For each row the number of its name, and for each name its repositories in the registry."""
    codes, pairs = pd.factorize(pd.MultiIndex.from_frame(rows[["registry", "repository"]]), use_na_sentinel=False)
    return codes, [_repositories(names, host, repository) for host, repository in pairs]


def _repositories(names: RegistryNames, host: object, repository: object) -> tuple[str | None, ...]:
    if not isinstance(host, str):
        return ()
    if not isinstance(repository, str):
        return (None,) if names.owns_host(host) else ()
    return names.repositories(host, repository)
