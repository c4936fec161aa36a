"""Who else writes an object: a patch of ours would be undone, so the change belongs there.

Sources: Helm `pkg/action/validate.go` (`app.kubernetes.io/managed-by`, `meta.helm.sh/…`); Argo CD, "Resource Tracking"
(`argocd.argoproj.io/tracking-id`, the label `argocd.argoproj.io/instance`); Flux `kustomize-controller` and
`helm-controller` (`kustomize.toolkit.fluxcd.io/…`, `helm.toolkit.fluxcd.io/…`); Kubernetes, "Static Pods".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from registry_core.cutover_entries import Manager

_MANAGED_BY = "app.kubernetes.io/managed-by"
_HELM_RELEASE = "meta.helm.sh/release-name"
_HELM_NAMESPACE = "meta.helm.sh/release-namespace"
_ARGO_TRACKING = "argocd.argoproj.io/tracking-id"
_ARGO_INSTANCE = "argocd.argoproj.io/instance"
_MIRROR = "kubernetes.io/config.mirror"

#: Tools that write once, when a person calls them: nothing undoes a patch until then.
_ONLY_WHEN_CALLED = frozenset({"kubectl", "kustomize"})


class _Marks(NamedTuple):
    labels: Mapping[str, Any]
    annotations: Mapping[str, Any]
    namespace: str

    def get(self, key: str) -> tuple[str, str] | None:
        """(what it says, how that is told) of a label or annotation."""
        for what, marks in (("label", self.labels), ("annotation", self.annotations)):
            value = marks.get(key)
            if isinstance(value, str) and value:
                return value, f"{what} {key}: {value}"
        return None


def manager_of(item: Mapping[str, Any]) -> Manager | None:
    """Who manages an object by its own marks; None where nothing says so. The outermost manager is told."""
    metadata = _mapping(item.get("metadata"))
    marks = _Marks(
        _mapping(metadata.get("labels")), _mapping(metadata.get("annotations")), str(metadata.get("namespace") or "")
    )
    return _argo(marks) or _flux(marks) or _helm(marks) or _static(marks, item) or _by_label(marks)


def operator_of(kind: str, name: str, namespace: str) -> Manager:
    """The manager that an owner reference names."""
    return Manager(
        name=kind,
        of=name,
        evidence=f"owner reference to {kind} {name}",
        where=f"the {kind} `{name}`{f' in {namespace}' if namespace else ''}, or what its operator takes images from",
    )


def _argo(marks: _Marks) -> Manager | None:
    told = marks.get(_ARGO_TRACKING)
    application = told[0].partition(":")[0] if told else ""
    if told is None and (told := marks.get(_ARGO_INSTANCE)) is not None:
        application = told[0]
    if told is None:
        return None
    return Manager("Argo CD", application, told[1], f"the source of the application `{application}`")


def _flux(marks: _Marks) -> Manager | None:
    for prefix, kind in (
        ("kustomize.toolkit.fluxcd.io", "Kustomization"),
        ("helm.toolkit.fluxcd.io", "HelmRelease"),
    ):
        told = marks.get(f"{prefix}/name")
        if told is not None:
            namespace = marks.get(f"{prefix}/namespace")
            of = f"{namespace[0]}/{told[0]}" if namespace else told[0]
            what = "the source" if kind == "Kustomization" else "the values"
            return Manager("Flux", of, told[1], f"{what} of the {kind} `{of}`")
    return None


def _helm(marks: _Marks) -> Manager | None:
    release = marks.get(_HELM_RELEASE)
    managed_by = marks.get(_MANAGED_BY)
    if release is None and (managed_by is None or managed_by[0] != "Helm"):
        return None
    told = release or managed_by
    assert told is not None
    name = release[0] if release else "?"
    namespace = (marks.get(_HELM_NAMESPACE) or (marks.namespace, ""))[0]
    values = f"the values of the release `{name}` in {namespace} (`helm get values {name} -n {namespace}`)"
    return Manager("Helm", name, told[1], values if release else "the values of its Helm release")


def _static(marks: _Marks, item: Mapping[str, Any]) -> Manager | None:
    if marks.get(_MIRROR) is None:
        return None
    node = str(_mapping(item.get("spec")).get("nodeName") or "?")
    return Manager("kubelet", node, f"annotation {_MIRROR}", f"the manifest of the static pod on the node `{node}`")


def _by_label(marks: _Marks) -> Manager | None:
    told = marks.get(_MANAGED_BY)
    if told is None or told[0].casefold() in _ONLY_WHEN_CALLED:
        return None
    return Manager(told[0], "", told[1], f"where {told[0]} takes the object from")


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
