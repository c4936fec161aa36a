"""Make a cut-over plan: from what points at the old registry, and what the destination was seen to serve.

A workload changes whole or not at all: where one of its images cannot be seen at the destination for every platform
that its pods may land on, all of it stays, and the plan says why.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from registry_core.cutover import Basis, CutoverPlan, Pin
from registry_core.cutover_entries import Elsewhere, Entry, ImageChange, Left, Names, PullSecret, SecretChange
from registry_core.cutover_objects import OldImage, Pointing, SecretPlace
from registry_core.cutover_survey import Found
from registry_core.errors import IncompleteSnapshot
from registry_core.platforms import Platform
from registry_core.references import Reference


class ImageKey(NamedTuple):
    """An image as workloads name it at the old registry. A digest counts before a tag."""

    repository: str
    tag: str | None
    digest: str | None

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        return f"{self.repository}{tag}{f'@{self.digest}' if self.digest else ''}"


@dataclass(frozen=True, slots=True)
class AtDestination:
    """What was seen of one image at the destination.

    `why` tells why it cannot be used there at all; else `digest` is what it is served as, and `lacking` says for
    each platform that was asked for and is not served, why not. `contains` are the digests of its children and
    configs, to compare with what runs.
    """

    repository: str
    digest: str = ""
    lacking: Mapping[str, str] = field(default_factory=dict)
    contains: frozenset[str] = frozenset()
    why: str | None = None


def key_of(image: OldImage) -> ImageKey | None:
    """How to ask for an image; None where its text is no reference."""
    if image.repository is None or image.invalid is not None:
        return None
    return ImageKey(image.repository, image.tag, image.digest)


def wanted_platforms(found: Mapping[str, Found], basis: Basis) -> dict[ImageKey, frozenset[str]]:
    """Every image that has to be looked for, with the platforms that it must be served for."""
    wanted: dict[ImageKey, frozenset[str]] = {}
    for cluster, one in found.items():
        for pointing in one.pointing:
            platforms = frozenset(platforms_of(pointing, basis.clusters[cluster].platforms))
            for image in pointing.images:
                key = key_of(image)
                if key is not None:
                    wanted[key] = wanted.get(key, frozenset()) | platforms
    return wanted


def platforms_of(pointing: Pointing, of_nodes: Names) -> Names:
    """The platforms of those nodes that its pods may land on by `nodeSelector`; all, where that leaves none."""
    os, architecture = (pointing.selector.get(f"kubernetes.io/{label}") for label in ("os", "arch"))
    chosen = []
    for text in of_nodes:
        platform = Platform.parse(text)
        if os in (None, platform.os) and architecture in (None, platform.architecture):
            chosen.append(text)
    return tuple(chosen) or of_nodes


def make_cutover_plan(basis: Basis, found: Mapping[str, Found], seen: Mapping[ImageKey, AtDestination]) -> CutoverPlan:
    """Write it down. `seen` has every key of `wanted_platforms`.

    Raises IncompleteSnapshot for a cluster whose nodes nobody knows: then no image can be seen to serve them.
    """
    for cluster, read in basis.clusters.items():
        if not read.platforms:
            raise IncompleteSnapshot(
                f"no cut-over of the cluster {cluster} can be planned: the platforms of its nodes are not known, so"
                " nobody can say what must be served; let us list `nodes` there (or add them to its dump)"
            )
    entries: list[Entry] = []
    ailing: list[Entry] = []  # these come last: a rollout that fails stops the run
    elsewhere: list[Elsewhere] = []
    left: list[Left] = []
    for one in found.values():
        for pointing in one.pointing:
            line = _Decision(basis, one, pointing, seen).line()
            if isinstance(line, Entry):
                (ailing if pointing.trouble else entries).append(line)
            elif isinstance(line, Elsewhere):
                elsewhere.append(line)
            else:
                left.append(line)
    return CutoverPlan(
        basis=basis,
        entries=(*entries, *ailing),
        pull_secrets=_pull_secrets(basis, [*entries, *ailing], elsewhere),
        elsewhere=tuple(elsewhere),
        left=tuple(left),
        leftovers=sum(len(one.leftovers) for one in found.values()),
    )


def _pull_secrets(basis: Basis, entries: list[Entry], elsewhere: list[Elsewhere]) -> tuple[PullSecret, ...]:
    if basis.pull_secret is None:
        return ()
    workloads = [*(one.workload for one in entries), *(one.workload for one in elsewhere)]
    places = sorted({(workload.cluster, workload.namespace) for workload in workloads if workload.namespace})
    return tuple(PullSecret(cluster, namespace, basis.pull_secret, basis.host) for cluster, namespace in places)


def new_text(old: str, *, host: str, repository: str, digest: str, pin: Pin) -> str:
    """The reference to write: the tag stays for people; a digest stays, or is added where it is to be pinned."""
    reference = Reference.parse(old)
    pinned = reference.digest or (digest if pin == "digest" else None)
    return str(replace(reference, registry=host, repository=repository, digest=pinned))


@dataclass(frozen=True)
class _Decision:
    basis: Basis
    found: Found
    pointing: Pointing
    seen: Mapping[ImageKey, AtDestination]

    def line(self) -> Entry | Elsewhere | Left:
        pointing, workload = self.pointing, self.pointing.workload
        platforms = platforms_of(pointing, self.basis.clusters[workload.cluster].platforms)
        obstacles = [why for image in pointing.images for why in self._obstacles(image, platforms)]
        if obstacles:
            return self._left("; ".join(dict.fromkeys(obstacles)))
        changes = tuple(self._change(image) for image in pointing.images)
        secrets = tuple(self._secret_changes())
        if pointing.manager is not None:
            return Elsewhere(workload, pointing.manager, changes, secrets)
        if why := _unchangeable(pointing, changes, secrets) or self._would_take_secrets(secrets):
            return self._left(why)
        runs = bool(workload.uid) and workload.uid in self.found.with_pods
        return Entry(workload, changes, secrets, platforms, runs, tuple(self._notes(changes, secrets)))

    def _left(self, why: str) -> Left:
        return Left(self.pointing.workload, tuple(dict.fromkeys(image.text for image in self.pointing.images)), why)

    def _obstacles(self, image: OldImage, platforms: Names) -> Iterator[str]:
        key = key_of(image)
        if key is None:
            yield f"`{image.text}` cannot be rewritten: {image.invalid or 'it is no reference'}"
            return
        seen = self.seen[key]
        if seen.why is not None:
            yield seen.why
        for platform in platforms if seen.why is None else ():
            if platform in seen.lacking:
                yield (
                    f"{self.basis.destination} cannot be seen to serve {seen.repository} ({key}) for {platform}:"
                    f" {seen.lacking[platform]}"
                )

    def _change(self, image: OldImage) -> ImageChange:
        key = key_of(image)
        assert key is not None
        seen = self.seen[key]
        text = new_text(
            image.text, host=self.basis.host, repository=seen.repository, digest=seen.digest, pin=self.basis.pin
        )
        return ImageChange(
            place=image.place,
            container=image.container,
            old=image.text,
            new=text,
            repository=seen.repository,
            digest=seen.digest,
            before=image.before,
        )

    def _secret_changes(self) -> Iterator[SecretChange]:
        name = self.basis.pull_secret
        if name is None:
            return
        for spec in self.pointing.pod_specs:
            held = spec.names or self._of_account(spec)
            if name not in held:
                yield SecretChange(spec.place, spec.names, (*held, name))

    def _of_account(self, spec: SecretPlace) -> Names:
        """What its pods get of their service account, and would get no more once a pull secret is named."""
        return self.found.accounts.of(self.pointing.workload.namespace, spec.account)

    def _unknown_accounts(self, secrets: tuple[SecretChange, ...]) -> str | None:
        """Of which nobody knows what they give to its pods, where that would be taken away; None for none."""
        if self.found.accounts.unknown is None:
            return None
        changed = {secret.place for secret in secrets if not secret.before}
        accounts = dict.fromkeys(spec.account for spec in self.pointing.pod_specs if spec.place in changed)
        return ", ".join(accounts) or None

    def _would_take_secrets(self, secrets: tuple[SecretChange, ...]) -> str | None:
        accounts, others = self._unknown_accounts(secrets), self.pointing.others
        if accounts is None or not others:
            return None
        return (
            f"a pull secret of its own takes away those of its service account ({accounts}), which {', '.join(others)}"
            f" may need, and nobody can tell which they are: {self.found.accounts.unknown}"
        )

    def _notes(self, changes: tuple[ImageChange, ...], secrets: tuple[SecretChange, ...]) -> Iterator[str]:
        pointing, kind = self.pointing, self.pointing.workload.kind
        if kind in ("ReplicaSet", "ReplicationController"):
            yield "its running pods keep the old image until they are replaced"
        elif kind == "Pod":
            yield "nothing owns this pod: the kubelet restarts its containers in place with the new image"
        elif kind in ("CronJob", "PodTemplate"):
            yield "the new image is pulled when it runs next"
        if pointing.trouble:
            yield f"it is not well already ({pointing.trouble}), so it comes last: if that stays, the run stops at it"
        if pointing.instance:
            yield (
                f"its label app.kubernetes.io/instance is `{pointing.instance}`: where Argo CD tracks by that label,"
                " the change belongs in that application"
            )
        if pointing.applied:
            yield "`kubectl apply` wrote it: change its file too, or the next apply undoes this"
        if accounts := self._unknown_accounts(secrets):
            yield f"pull secrets of its service account ({accounts}) are not known, and its pods get them no more"
        if self.basis.pull_secret and pointing.without_pod_spec:
            yield f"nobody knows where {', '.join(pointing.without_pod_spec)} takes its pull secrets from: see to it"
        for change in changes:
            running = self.found.running.get((pointing.workload.uid, change.old), frozenset())
            contains = next((one.contains for one in self.seen.values() if one.digest == change.digest), frozenset())
            if running and contains and not running & {change.digest, *contains}:
                yield f"its pods run another image than {change.old} names now, so this rolls out a new one"


def _unchangeable(
    pointing: Pointing, changes: tuple[ImageChange, ...], secrets: tuple[SecretChange, ...]
) -> str | None:
    """Why the API would not take the change; None where it would."""
    kind = pointing.workload.kind
    lines = ", ".join(dict.fromkeys(change.new for change in changes))
    if kind == "Job":
        return f"the template of a job cannot be changed: delete it, and create it anew with {lines}"
    if kind == "ControllerRevision":
        return "it is the record of an older revision, which nobody changes"
    if kind == "Pod":
        if secrets:
            return f"the imagePullSecrets of a pod cannot be changed: delete it, and create it anew with {lines}"
        if any("volumes" in change.place for change in changes):
            return f"the image volumes of a pod cannot be changed: delete it, and create it anew with {lines}"
    return None
