"""Which kinds of objects name images, and where in the object.

Built-in kinds hold a pod's spec at a known place. Custom resources name images at paths, those of the shipped
defaults taken from the projects' own CRDs. Not among the defaults: Argo `workflows` (finished ones pile up by the
thousand, running ones have pods); a site that needs them names them in `custom_resources`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from registry_core.image_paths import ImagePath

NODES = "v1 nodes"
PODS = "v1 pods"

Origin = Literal["built-in", "default", "configured"]


@dataclass(frozen=True, slots=True)
class WorkloadKind:
    """One kind of object that names images: by its pod's spec, or by paths."""

    resource: str  #: `apps/v1 deployments`: what is listed, and the place in the coverage
    kind: str  #: `Deployment`, as dumps and owner references write it
    pod_spec: tuple[str, ...] = ()  #: keys that lead to the spec of the pod
    image_paths: tuple[ImagePath, ...] = ()  #: of a custom resource
    origin: Origin = "built-in"
    runs_nothing: bool = False  #: nothing is started from it, so a cluster is read whole without it

    @property
    def api_version(self) -> str:
        return self.resource.partition(" ")[0]

    @property
    def group(self) -> str:
        """`apps`; empty for the core group."""
        group, slash, _ = self.api_version.partition("/")
        return group if slash else ""

    @property
    def plural(self) -> str:
        return self.resource.partition(" ")[2]


_TEMPLATE = ("spec", "template", "spec")

#: Owners stand before what they own, so that chains are known when a row is made; pods come last.
BUILT_IN: tuple[WorkloadKind, ...] = (
    WorkloadKind("apps/v1 deployments", "Deployment", _TEMPLATE),
    WorkloadKind("apps/v1 statefulsets", "StatefulSet", _TEMPLATE),
    WorkloadKind("apps/v1 daemonsets", "DaemonSet", _TEMPLATE),
    WorkloadKind("batch/v1 cronjobs", "CronJob", ("spec", "jobTemplate", *_TEMPLATE)),
    WorkloadKind("v1 replicationcontrollers", "ReplicationController", _TEMPLATE),
    WorkloadKind("apps/v1 replicasets", "ReplicaSet", _TEMPLATE),
    WorkloadKind("batch/v1 jobs", "Job", _TEMPLATE),
    # What `kubectl rollout undo` puts back for a StatefulSet or DaemonSet, as old ReplicaSets are for a Deployment.
    WorkloadKind("apps/v1 controllerrevisions", "ControllerRevision", ("data", *_TEMPLATE)),
    WorkloadKind("v1 podtemplates", "PodTemplate", ("template", "spec"), runs_nothing=True),
    WorkloadKind(PODS, "Pod", ("spec",)),
)

#: In a dump: the kinds that `kubectl get all`-like commands always ask for, so their absence is a gap.
EXPECTED_IN_DUMPS = frozenset({"Pod", "Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job", "CronJob"})


def custom_kind(resource: str, kind: str, paths: Iterable[str], origin: Origin = "configured") -> WorkloadKind:
    """A custom resource. Raises ValueError for a path that cannot be read."""
    return WorkloadKind(resource, kind, (), tuple(ImagePath.parse(path) for path in paths), origin)


def _pod_at(place: str) -> tuple[str, ...]:
    """Where the spec of a pod at `place` names images. `volumes[].rbd.image` is a Ceph block device, not one."""
    containers = ("initContainers", "containers", "ephemeralContainers")
    return (*(f"{place}.{one}[].image" for one in containers), f"{place}.volumes[].image.reference")


def _workflow_at(place: str) -> tuple[str, ...]:
    templates = tuple(
        path
        for one in (f"{place}.templates[]", f"{place}.templateDefaults")
        for path in (
            f"{one}.container.image",
            f"{one}.script.image",
            f"{one}.containerSet.containers[].image",
            f"{one}.initContainers[].image",
            f"{one}.sidecars[].image",
            f"{one}.volumes[].image.reference",
        )
    )
    plugin = f"{place}.executorPlugins[].spec.sidecar.container.image"
    return (*templates, plugin, f"{place}.volumes[].image.reference")


_IN_TEMPLATE = _pod_at(".spec.template.spec")
_SUMMERWIND = (*_IN_TEMPLATE, ".spec.template.spec.image", ".spec.template.spec.sidecarContainers[].image")
_ANALYSIS = _pod_at(".spec.metrics[].provider.job.spec.template.spec")
_RESOLVED = (".status.initContainerStatuses[].imageDigest", ".status.containerStatuses[].imageDigest")

#: Sources: the CRDs of argoproj/argo-rollouts, argoproj/argo-workflows, knative/serving and
#: actions/actions-runner-controller. Owners before what they own.
DEFAULT_CUSTOM: tuple[WorkloadKind, ...] = tuple(
    custom_kind(resource, kind, paths, "default")
    for resource, kind, paths in (
        ("argoproj.io/v1alpha1 rollouts", "Rollout", _IN_TEMPLATE),
        ("argoproj.io/v1alpha1 experiments", "Experiment", _pod_at(".spec.templates[].template.spec")),
        ("argoproj.io/v1alpha1 analysistemplates", "AnalysisTemplate", _ANALYSIS),
        ("argoproj.io/v1alpha1 clusteranalysistemplates", "ClusterAnalysisTemplate", _ANALYSIS),
        ("argoproj.io/v1alpha1 cronworkflows", "CronWorkflow", _workflow_at(".spec.workflowSpec")),
        ("argoproj.io/v1alpha1 workflowtemplates", "WorkflowTemplate", _workflow_at(".spec")),
        ("argoproj.io/v1alpha1 clusterworkflowtemplates", "ClusterWorkflowTemplate", _workflow_at(".spec")),
        ("actions.summerwind.dev/v1alpha1 runnerdeployments", "RunnerDeployment", _SUMMERWIND),
        ("actions.summerwind.dev/v1alpha1 runnersets", "RunnerSet", (*_IN_TEMPLATE, ".spec.image")),
        ("actions.summerwind.dev/v1alpha1 runnerreplicasets", "RunnerReplicaSet", _SUMMERWIND),
        (
            "actions.summerwind.dev/v1alpha1 runners",
            "Runner",
            (*_pod_at(".spec"), ".spec.image", ".spec.sidecarContainers[].image"),
        ),
        (
            "actions.github.com/v1alpha1 autoscalingrunnersets",
            "AutoscalingRunnerSet",
            (*_IN_TEMPLATE, *_pod_at(".spec.listenerTemplate.spec")),
        ),
        (
            "actions.github.com/v1alpha1 ephemeralrunnersets",
            "EphemeralRunnerSet",
            _pod_at(".spec.ephemeralRunnerSpec.spec"),
        ),
        ("serving.knative.dev/v1 services", "Service", _IN_TEMPLATE),
        ("serving.knative.dev/v1 configurations", "Configuration", _IN_TEMPLATE),
        ("serving.knative.dev/v1 revisions", "Revision", (*_pod_at(".spec"), *_RESOLVED)),
    )
)


def kinds_to_read(configured: Iterable[WorkloadKind] = ()) -> tuple[WorkloadKind, ...]:
    """All kinds in reading order: custom resources, then the built-in ones, pods last.

    A configured custom resource takes the place of the default of that name; the other defaults stay, because a
    kind that nobody thought of is an image that nobody keeps.
    """
    chosen = {kind.resource: kind for kind in DEFAULT_CUSTOM}
    chosen.update({kind.resource: kind for kind in configured})
    return (*chosen.values(), *BUILT_IN)
