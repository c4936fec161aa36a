"""JSON patches (RFC 6902) as an API server applies them: all operations, or none."""

from __future__ import annotations

import copy
from typing import Any


class TestFailed(Exception):
    """A `test` operation did not hold, or a place is not there."""

    __test__ = False  # for pytest


def apply_patch(document: Any, operations: list[dict[str, Any]]) -> Any:
    """The patched document; the given one stays as it is."""
    patched = copy.deepcopy(document)
    for operation in operations:
        *above, last = [step.replace("~1", "/").replace("~0", "~") for step in operation["path"].split("/")[1:]]
        node = patched
        for step in above:
            node = _inside(node, step, operation)
        kind = operation["op"]
        if kind == "test":
            if operation["value"] is None and isinstance(node, dict):
                # As evanphx/json-patch, of the API server and of kustomize, has it: what is not there is null.
                held = node.get(last) is None
            else:
                held = _inside(node, last, operation) == operation["value"]
            if not held:
                raise TestFailed(f"testing value {operation['path']} failed")
        elif isinstance(node, list):
            _change_list(node, last, operation)
        elif kind == "add":
            node[last] = operation["value"]
        elif last not in node:
            raise TestFailed(f"{kind} operation does not apply: doc is missing path: {operation['path']}")
        elif kind == "replace":
            node[last] = operation["value"]
        else:
            assert kind == "remove", kind
            del node[last]
    return patched


def _change_list(node: list[Any], last: str, operation: dict[str, Any]) -> None:
    if operation["op"] == "add" and last == "-":
        node.append(operation["value"])
    elif operation["op"] == "replace":
        _inside(node, last, operation)
        node[int(last)] = operation["value"]
    else:
        raise AssertionError(operation)


def _inside(node: Any, step: str, operation: dict[str, Any]) -> Any:
    try:
        return node[int(step)] if isinstance(node, list) else node[step]
    except (KeyError, IndexError, TypeError, ValueError):
        raise TestFailed(f"{operation['op']}: nothing at {operation['path']}") from None
