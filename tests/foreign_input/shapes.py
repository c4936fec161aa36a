"""What others send when all is well: the shapes that are spoiled."""

from __future__ import annotations

import base64
import json
from typing import Any

from tests.foreign_input.garbage import DIGEST

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
TIME = "2026-01-02T03:04:05.678901234Z"

CONFIG: dict[str, Any] = {
    "created": TIME, "os": "linux", "architecture": "arm64", "variant": "v8",
    "config": {"Labels": {"org.opencontainers.image.version": "1.2.3", "a": "b"}},
}  # fmt: skip
IMAGE: dict[str, Any] = {
    "schemaVersion": 2, "mediaType": OCI_MANIFEST, "artifactType": "application/x",
    "config": {"mediaType": OCI_CONFIG, "digest": DIGEST, "size": 2},
    "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": DIGEST, "size": 7, "urls": ["http://h/x"]}],
    "subject": {"mediaType": OCI_MANIFEST, "digest": DIGEST, "size": 3},
    "annotations": {"org.opencontainers.image.created": TIME, "org.opencontainers.image.version": "1.2.3"},
}  # fmt: skip
INDEX: dict[str, Any] = {
    "schemaVersion": 2, "mediaType": OCI_INDEX,
    "manifests": [
        {"mediaType": OCI_MANIFEST, "digest": DIGEST, "size": 4, "platform": {"os": "linux", "architecture": "arm64",
                                                                           "variant": "v8"}},
        {"mediaType": OCI_MANIFEST, "digest": "sha256:" + "cd" * 32, "size": 4,
         "annotations": {"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": DIGEST}},
    ],
}  # fmt: skip
SCHEMA1: dict[str, Any] = {
    "schemaVersion": 1, "name": "a", "tag": "b", "architecture": "amd64", "fsLayers": [{"blobSum": DIGEST}],
    "history": [{"v1Compatibility": json.dumps({"os": "linux", "created": TIME})}],
    "signatures": [{"protected": base64.urlsafe_b64encode(b'{"formatLength":10,"formatTail":"fQ"}').decode()}],
}  # fmt: skip
MANIFESTS = (IMAGE, INDEX, SCHEMA1)

_ABOUT = {"repository": "shop/web", "tag": "v1", "digest": DIGEST, "mediaType": OCI_INDEX, "url": "http://r/v2/"}
_DISTRIBUTION = {"id": "1", "timestamp": TIME, "action": "push", "target": _ABOUT, "request": {"host": "r:5000"}}
_HARBOR = {
    "resources": [{"digest": DIGEST, "tag": "v1", "resource_url": "h/shop/web:v1"}],
    "repository": {"repo_full_name": "shop/web", "name": "web", "namespace": "shop"},
}
_VERSION = {
    "version": DIGEST, "package_url": "ghcr.io/a/b:v1", "updated_at": TIME,
    "container_metadata": {"tag": {"name": "v1", "digest": DIGEST}},
}  # fmt: skip
_GOOGLE = {"action": "INSERT", "digest": f"h/p/r/i@{DIGEST}", "tag": "h/p/r/i:1"}
EVENTS: dict[str, tuple[Any, ...]] = {
    "harbor": (
        {"type": "PUSH_ARTIFACT", "occur_at": 1586922308, "event_data": _HARBOR},
        {"type": "pushImage", "occur_at": 1586922308, "event_data": _HARBOR},
        {"specversion": "1.0", "id": "1", "type": "harbor.artifact.pushed", "time": TIME, "data": _HARBOR},
    ),
    "docker_hub": ({"push_data": {"pushed_at": 1, "tag": "a"}, "repository": {"repo_name": "a/b"}},),
    "quay": (
        {"repository": "a/b", "docker_url": "quay.io/a/b", "updated_tags": ["v1"]},
        {"repository": "a/b", "docker_url": "quay.io/a/b", "updated_tags": {"v1": "id"}},
        {"repository": "a/b", "updated_tags": [{"name": "v1", "manifest_digest": DIGEST}]},
    ),
    "github": (
        {"action": "create", "package": {"name": "b", "namespace": "a", "package_version": _VERSION}},
        {"action": "published", "registry_package": {"package_type": "CONTAINER", "package_version": _VERSION}},
    ),
    "distribution": ({"events": [_DISTRIBUTION, _DISTRIBUTION]},),
    "azure": (_DISTRIBUTION,),
    "ecr": (
        {"detail-type": "ECR Image Action", "account": "1", "region": "r", "time": TIME, "id": "1",
         "detail": {"result": "SUCCESS", "action-type": "PUSH", "repository-name": "a", "image-digest": DIGEST}},
    ),
    "google": (
        _GOOGLE,
        {"message": {"data": base64.b64encode(json.dumps(_GOOGLE).encode()).decode(), "messageId": "1"}},
    ),
    "aliyun": (
        {"push_data": {"tag": "a", "digest": DIGEST, "pushed_at": "x"}, "repository": {"repo_full_name": "a/b"}},
    ),
    "zot": (
        {"name": "a/b", "reference": "v1", "digest": DIGEST},
        {"specversion": "1.0", "type": "zotregistry.image.updated", "data": {"name": "a/b", "reference": "v1"}},
    ),
}  # fmt: skip

_POD_SPEC = {
    "containers": [{"name": "c", "image": "registry.example.com/team/app:1"}],
    "initContainers": [{"name": "i", "image": "app"}], "ephemeralContainers": [{"name": "e", "image": "app@" + DIGEST}],
    "volumes": [{"name": "v", "image": {"reference": "app:2"}}, {"rbd": {"image": "x"}}],
    "imagePullSecrets": [{"name": "s"}], "serviceAccountName": "default", "nodeName": "n",
}  # fmt: skip
_METADATA = {
    "name": "web", "namespace": "shop", "uid": "1", "creationTimestamp": TIME,
    "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web", "uid": "2", "controller": True}],
    "annotations": {"deployment.kubernetes.io/revision": "7"}, "labels": {"a": "b"},
}  # fmt: skip
_STATE = {"waiting": {"reason": "ImagePullBackOff", "message": "not found"}}
POD = {
    "apiVersion": "v1", "kind": "Pod", "metadata": _METADATA, "spec": _POD_SPEC,
    "status": {
        "phase": "Running", "startTime": TIME,
        "containerStatuses": [{"name": "c", "image": "app:1", "imageID": f"docker-pullable://a/b@{DIGEST}",
                               "state": _STATE, "lastState": {"terminated": {"finishedAt": TIME}}, "restartCount": 3}],
        "initContainerStatuses": [{"name": "i", "image": DIGEST, "imageID": "containerd://" + DIGEST, "state": {}}],
    },
}  # fmt: skip
DEPLOYMENT = {
    "apiVersion": "apps/v1", "kind": "Deployment", "metadata": _METADATA,
    "spec": {"replicas": 2, "template": {"metadata": {"labels": {}}, "spec": _POD_SPEC}},
    "status": {"replicas": 2},
}  # fmt: skip
CRON_JOB = {
    "apiVersion": "batch/v1", "kind": "CronJob", "metadata": _METADATA,
    "spec": {"suspend": True, "jobTemplate": {"spec": {"template": {"spec": _POD_SPEC}}}},
}  # fmt: skip
NODE = {
    "apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"},
    "status": {"nodeInfo": {"operatingSystem": "linux", "architecture": "amd64"}},
}  # fmt: skip
ACCOUNT = {
    "apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": "shop"},
    "imagePullSecrets": [{"name": "s"}],
}  # fmt: skip
WORKLOADS = (POD, DEPLOYMENT, CRON_JOB, NODE, ACCOUNT)

POLICIES: list[Any] = [
    {"repositories": ["base/**"], "protect": True},
    {
        "repositories": ["**"], "keep_tags": ["v*"], "keep_last": 3, "keep_within": "30d",
        "keep_in_use": {"seen_within": "31d", "rollbacks": 2},
        "keep_versions": {"pattern": "v{semver}", "last": 2, "per": "minor"},
        "untagged": {"keep_within": "1d"}, "when_unused": "evict",
    },
]  # fmt: skip

DOCKER_CONFIG: dict[str, Any] = {
    "auths": {
        "registry.example.com": {"auth": base64.b64encode(b"user:password").decode()},
        "https://index.docker.io/v1/": {"username": "u", "password": "p", "identitytoken": "t"},
        "*.example.com/team": {"registrytoken": "t"},
    },
    "credHelpers": {"ghcr.io": "helper"}, "credsStore": "store",
}  # fmt: skip

SITE: dict[str, Any] = {
    "registries": {
        "main": {
            "url": "https://registry.example.com", "hosts": ["registry.example.com"], "retries": 2, "timeout": "10s",
            "credentials": {"username": "u", "password": {"env": "P"}}, "repositories": ["team/app"],
            "tls": {"ca": "~/ca.pem", "insecure": False}, "provider": {"harbor": {"api": "https://h/api"}},
            "include": ["**"], "requests_per_second": 5, "connections": 4,
        },
        "other": {"url": "http://localhost:5000", "credentials": {"docker_config": "~/x/config.json"}, "ours": False},
    },
    "clusters": {
        "production": {"context": "prod", "kubeconfig": "~/.kube/config", "environment": "production"},
        "staging": {"dump": "dumps/staging", "may_be_missing": ["v1 nodes"],
                    "custom_resources": [{"resource": "a/v1 bs", "kind": "B", "paths": [".spec.image"]}]},
    },
    "policies": POLICIES,
    "limits": {"max_evicted_images": 500, "max_evicted_share": 0.9, "max_inventory_age": "2h"},
    "database": {"url": "sqlite:///x.sqlite"},
    "migrations": {"move": {"from": "main", "to": "other",
                            "what": {"in_use": ["production"], "versions": ">=1.2", "newest": 3}}},
    "replications": {"keep": {"from": "main", "to": "other", "what": {"all": True}, "schedule": "0 * * * *"}},
    "cutovers": {"switch": {"from": "main", "to": "other", "clusters": ["production"], "pin": "digest"}},
    "events": {"harbor": {"kind": "harbor", "registry": "main", "token": {"file": "/run/secrets/x"}}},
    "notifications": [{"urls": {"env": "URLS"}, "about": ["findings"]}],
    "approvals": {"approvers": [{"name": "Ada"}]}, "web": {"token": {"env": "T"}},
    "dagster_address": "https://dagster.example.com", "versions": {"patterns": ["v{semver}"], "newest": 5},
}  # fmt: skip
