"""Patches of a cut-over: forward, back, and for those who change clusters through git.

JSON patches (RFC 6902) and not strategic merges go to the API: they work on custom resources too, they name exactly
what changes, and their `test` operations make the server itself refuse where an image is no longer the one that was
approved. `resourceVersion` makes it answer 409 where anything changed since we looked. For kustomize, built-in kinds
get strategic merges, because in a file of somebody's containers may stand in another order, and are told by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from registry_core.cutover_entries import Elsewhere, Entry, SecretChange
from registry_core.json_places import ABSENT, Place, pointer, value_at
from registry_core.workload_kinds import BUILT_IN

Operation = dict[str, Any]

_BUILT_IN = frozenset(kind.resource for kind in BUILT_IN)


def forward_patch(entry: Entry | Elsewhere, *, resource_version: str | None = None) -> list[Operation]:
    """From the old images to the new ones. Without `resource_version` it is good as long as the images are."""
    operations = _lock(entry, resource_version)
    for change in entry.images:
        operations += _replace(change.place, old=change.old, new=change.new)
    for secret in entry.secrets:
        place = (*secret.place, "imagePullSecrets")
        if secret.before is None:
            if resource_version is None:
                # Nothing but this keeps an `add` from replacing a list that came since. That `null` is what is not
                # there holds for the API server and kustomize (evanphx/json-patch), not for RFC 6902.
                operations.append({"op": "test", "path": pointer(place), "value": None})
            operations.append({"op": "add", "path": pointer(place), "value": _named(secret.after)})
        else:
            operations.append({"op": "test", "path": pointer(place), "value": _named(secret.before)})
            operations.append({"op": "replace", "path": pointer(place), "value": _named(secret.after)})
    return operations


def backward_patch(entry: Entry, item: Mapping[str, Any], *, resource_version: str | None = None) -> list[Operation]:
    """From the new images to the old ones; refused by the server where somebody changed them since.

    `item` is the object as it is: of its pull secrets only those go that the cut-over added.
    """
    operations = _lock(entry, resource_version)
    for change in entry.images:
        operations += _replace(change.place, old=change.new, new=change.old)
    for secret in entry.secrets:
        place = (*secret.place, "imagePullSecrets")
        now = secrets_at(item, secret)
        if now is None:
            continue
        kept = tuple(name for name in now if name not in secret.added)
        operations.append({"op": "test", "path": pointer(place), "value": _named(now)})
        if secret.before is None and not kept:
            operations.append({"op": "remove", "path": pointer(place)})
        else:
            operations.append({"op": "replace", "path": pointer(place), "value": _named(kept)})
    return operations


def standing(item: Mapping[str, Any], entry: Entry) -> str:
    """How an object stands to an entry: `old` (as it was planned), `new` (changed already), or a sentence why it is
    neither, so that nothing is done to it."""
    metadata = item.get("metadata")
    uid = str(metadata.get("uid") or "") if isinstance(metadata, Mapping) else ""
    if entry.workload.uid and uid != entry.workload.uid:
        return "it was deleted and made anew since the plan"
    texts = [(change, value_at(item, change.place)) for change in entry.images]
    if all(text == change.old for change, text in texts):
        for secret in entry.secrets:
            if secrets_at(item, secret) != secret.before:
                return "its imagePullSecrets were changed since the plan"
        return "old"
    if all(text == change.new for change, text in texts):
        return "new"
    other = next(change for change, text in texts if text != change.old)
    stands = value_at(item, other.place)
    said = f"`{stands}`" if isinstance(stands, str) else "nothing"
    return f"somebody changed it since the plan: {other.path} is {said} and was `{other.old}`"


def names_old_images(item: Mapping[str, Any], entry: Entry) -> bool:
    """Whether all images of an object are the old ones, whatever its pull secrets are."""
    return all(value_at(item, change.place) == change.old for change in entry.images)


def holds_any(item: Mapping[str, Any], entry: Entry) -> bool:
    """Whether one of the new images, or a pull secret that is added, stands in an object where the entry puts it."""
    return any(value_at(item, change.place) == change.new for change in entry.images) or any(
        name in (secrets_at(item, secret) or ()) for secret in entry.secrets for name in secret.added
    )


def secrets_at(item: Mapping[str, Any], secret: SecretChange) -> tuple[str, ...] | None:
    """Names in `imagePullSecrets` of a pod spec, None where there is no such list."""
    written = value_at(item, (*secret.place, "imagePullSecrets"))
    if written is ABSENT or written is None:
        return None
    return tuple(str(one.get("name")) for one in written if isinstance(one, Mapping))


def before_of(item: Mapping[str, Any], entry: Entry) -> dict[str, Any]:
    """What an entry changes, as it was: recorded before the patch.

    Images and pull secrets whole, and nothing else of the object: the rest stays, and may hold secrets (`env`).
    """
    metadata = item.get("metadata")
    marks = metadata if isinstance(metadata, Mapping) else {}
    return {
        "uid": marks.get("uid"),
        "resourceVersion": marks.get("resourceVersion"),
        "generation": marks.get("generation"),
        "images": {change.path: value_at(item, change.place) for change in entry.images},
        "imagePullSecrets": {
            pointer(secret.place): None if (names := secrets_at(item, secret)) is None else list(names)
            for secret in entry.secrets
        },
    }


def kustomize_patch(entry: Entry) -> dict[str, Any] | list[Operation]:
    """A strategic merge of a built-in kind, a JSON patch of a custom resource.

    Each list of containers is named in its order up to the last one that changes, unchanged ones by name alone:
    kustomize puts what a merge names before the rest, in the order of the merge (kyaml,
    `walk/associative_sequence.go`), and init containers run in the order of their list.
    """
    workload = entry.workload
    if workload.resource not in _BUILT_IN:
        return forward_patch(entry)[_lock_length(entry) :]
    names = {"name": workload.name, **({"namespace": workload.namespace} if workload.namespace else {})}
    document: dict[str, Any] = {"apiVersion": workload.api_version, "kind": workload.kind, "metadata": names}
    for change in entry.images:
        *above, key, _position, _image = change.place if "volumes" not in change.place else change.place[:-1]
        listed = _inside(document, tuple(above)).setdefault(str(key), [])
        value = {"image": {"reference": change.new}} if key == "volumes" else {"image": change.new}
        named = {one["name"]: one for one in listed}
        listed += [{"name": name} for name in change.before if name not in named]
        listed.append({"name": change.container, **value})
    for secret in entry.secrets:
        _inside(document, secret.place)["imagePullSecrets"] = _named(secret.added)
    return document


def _lock(entry: Entry | Elsewhere, resource_version: str | None) -> list[Operation]:
    operations: list[Operation] = []
    if entry.workload.uid:
        operations.append({"op": "test", "path": "/metadata/uid", "value": entry.workload.uid})
    if resource_version is not None:
        operations.append({"op": "replace", "path": "/metadata/resourceVersion", "value": resource_version})
    return operations


def _lock_length(entry: Entry) -> int:
    return len(_lock(entry, None))


def _replace(place: Place, *, old: str, new: str) -> list[Operation]:
    path = pointer(place)
    return [{"op": "test", "path": path, "value": old}, {"op": "replace", "path": path, "value": new}]


def _named(names: tuple[str, ...]) -> list[dict[str, str]]:
    return [{"name": name} for name in names]


def _inside(document: dict[str, Any], place: Place) -> dict[str, Any]:
    node = document
    for step in place:
        node = node.setdefault(str(step), {})
    return node
