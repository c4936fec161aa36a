"""Amazon, Google, IBM and Alibaba as far as they are asked: small emulators that keep what they hold."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import unquote

from resources.registry.providers.aliyun import signature
from tests.resources.registry.providers.oci_shelf import Shelf, Stored
from tests.resources.registry.providers.vendor_server import Asked, Reply, VendorEmulator

_REPOSITORY = re.compile(r"/v1/projects/[^/]+/locations/[^/]+/repositories/([^/]+)")
_VERSIONS = re.compile(r"/v1/projects/([^/]+)/locations/([^/]+)/repositories/([^/]+)/packages/([^/]+)/versions")
_VERSION = re.compile(r"/v1/projects/([^/]+)/locations/[^/]+/repositories/([^/]+)/packages/([^/]+)/versions/([^/]+)")
_TAG = re.compile(r"/v1/projects/([^/]+)/locations/[^/]+/repositories/([^/]+)/packages/([^/]+)/tags/([^/]+)")


def _stamp(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


class EcrEmulator(VendorEmulator):
    """ECR's JSON 1.1 protocol. `archived` are digests that are only listed on request."""

    def __init__(self) -> None:
        super().__init__()
        self.shelf = Shelf()
        self.archived: set[str] = set()
        self.calls: list[tuple[str, dict[str, Any], dict[str, Any]]] = []

    def answer(self, asked: Asked) -> Reply:
        verb = asked.headers.get("x-amz-target", "").rpartition(".")[2]
        if "AKIAEXAMPLE" not in asked.headers.get("authorization", ""):
            return Reply(400, {"__type": "UnrecognizedClientException", "message": "The security token is invalid."})
        reply = getattr(self, f"_{verb}")(asked.json)
        if isinstance(reply, Reply):
            return reply
        self.calls.append((verb, asked.json, reply))
        return Reply(200, reply, headers={"Content-Type": "application/x-amz-json-1.1"})

    def _page(self, asked: dict[str, Any], key: str, entries: list[Any]) -> dict[str, Any]:
        start, size = int(asked.get("nextToken", "0")), min(int(asked.get("maxResults", 100)), 1000)
        more = {"nextToken": str(start + size)} if start + size < len(entries) else {}
        return {key: entries[start : start + size], **more}

    def _DescribeRepositories(self, asked: dict[str, Any]) -> dict[str, Any]:
        return self._page(asked, "repositories", [{"repositoryName": name} for name in self.shelf.repositories])

    def _DescribeImages(self, asked: dict[str, Any]) -> dict[str, Any] | Reply:
        name = asked["repositoryName"]
        if name not in self.shelf.repositories:
            return Reply(400, {"__type": "RepositoryNotFoundException", "message": f"{name} does not exist"})
        held = self.shelf.live(name)
        if wanted := asked.get("imageIds"):
            held = [
                one
                for one in held
                if wanted[0].get("imageTag") in one.tags or one.digest == wanted[0].get("imageDigest")
            ]
            if not held:
                return Reply(400, {"__type": "ImageNotFoundException", "message": "no such image"})
        if asked.get("filter", {}).get("imageStatus") != "ANY":
            held = [one for one in held if one.digest not in self.archived]
        return self._page(asked, "imageDetails", [self._image(name, one) for one in held])

    def _image(self, name: str, one: Stored) -> dict[str, Any]:
        pulled = {"lastRecordedPullTime": _stamp(one.pulled_at)} if one.pulled_at else {}
        tags = {"imageTags": list(one.tags)} if one.tags else {}
        status = "ARCHIVED" if one.digest in self.archived else "ACTIVE"
        return {"repositoryName": name, "imageDigest": one.digest, "imagePushedAt": _stamp(one.pushed_at),
                "imageStatus": status, **tags, **pulled}  # fmt: skip

    def _BatchDeleteImage(self, asked: dict[str, Any]) -> dict[str, Any]:
        gone, failures = [], []
        for wanted in asked["imageIds"]:
            reference = wanted.get("imageDigest") or wanted.get("imageTag")
            stored = self.shelf.find(asked["repositoryName"], reference)
            parents = [
                one for one in self.shelf.live(asked["repositoryName"]) if stored and stored.image in one.image.children
            ]
            if stored is None:
                failures.append({"imageId": wanted, "failureCode": "ImageNotFound", "failureReason": "not found"})
            elif parents:
                code, why = "ImageReferencedByManifestList", "Requested image referenced by manifest list"
                failures.append({"imageId": wanted, "failureCode": code, "failureReason": why})
            else:
                gone.append(wanted)
                stored.tags = [] if "imageDigest" in wanted else [tag for tag in stored.tags if tag != reference]
                stored.deleted = not stored.tags
        return {"imageIds": gone, "failures": failures}

    def _GetAuthorizationToken(self, asked: dict[str, Any]) -> dict[str, Any]:
        token = base64.b64encode(b"AWS:ecr-password-4711").decode()
        return {"authorizationData": [{"authorizationToken": token, "expiresAt": 1_800_000_000}]}


class GoogleEmulator(VendorEmulator):
    """Artifact Registry: `project/repository/image` as projects, repositories and packages."""

    def __init__(self) -> None:
        super().__init__()
        self.shelf = Shelf()
        self.immutable: set[str] = set()  #: repositories whose tags are immutable

    def answer(self, asked: Asked) -> Reply:
        if asked.headers.get("authorization") != "Bearer ya29-4711":
            return Reply(403, {"error": {"code": 403, "message": "Permission denied", "status": "PERMISSION_DENIED"}})
        if asked.path.startswith("/v2/"):
            return self.shelf.pull(asked)
        place = asked.path.removeprefix("/v1/")
        if matched := _VERSIONS.fullmatch(asked.path):
            held = self.shelf.live(f"{matched[1]}/{matched[3]}/{unquote(matched[4])}")
            return self._page(asked, "versions", [_google_version(place, one) for one in held])
        if (matched := _VERSION.fullmatch(asked.path)) and asked.method == "DELETE":
            stored = self.shelf.find(f"{matched[1]}/{matched[2]}/{unquote(matched[3])}", matched[4])
            if stored is None or (stored.tags and asked.query.get("force") != "true"):
                return Reply(404 if stored is None else 400, {"error": {"message": "cannot delete"}})
            stored.deleted = True
            return Reply(200, {"name": "operations/1", "done": True})
        if (matched := _TAG.fullmatch(asked.path)) and asked.method == "DELETE":
            stored = self.shelf.find(f"{matched[1]}/{matched[2]}/{unquote(matched[3])}", matched[4])
            if stored is None:
                return Reply(404, {"error": {"message": "not found"}})
            stored.tags.remove(matched[4])
            return Reply(200, {})
        project = place.split("/")[1]
        if matched := _REPOSITORY.fullmatch(asked.path):
            docker = {"immutableTags": True} if matched[1] in self.immutable else {}
            return Reply(200, {"name": place, "format": "DOCKER", "dockerConfig": docker})
        names = [name for name in self.shelf.repositories if name.startswith(f"{project}/")]
        if asked.path.endswith("/packages"):
            repository = place.split("/")[5]
            images = [name.split("/", 2)[2] for name in names if name.split("/")[1] == repository]
            return self._page(asked, "packages", [{"name": f"{place}/{one.replace('/', '%2F')}"} for one in images])
        found = [
            {"name": f"{place}/{one}", "format": "DOCKER"} for one in dict.fromkeys(n.split("/")[1] for n in names)
        ]
        return self._page(asked, "repositories", [*found, {"name": f"{place}/jars", "format": "MAVEN"}])

    def _page(self, asked: Asked, key: str, entries: list[Any]) -> Reply:
        start, size = int(asked.query.get("pageToken", "0")), min(int(asked.query["pageSize"]), 100)
        more = {"nextPageToken": str(start + size)} if start + size < len(entries) else {}
        return Reply(200, {key: entries[start : start + size], **more})


def _google_version(place: str, one: Stored) -> dict[str, Any]:
    tags = [{"name": f"{place.removesuffix('/versions')}/tags/{tag}", "version": one.digest} for tag in one.tags]
    return {"name": f"{place}/{one.digest}", "createTime": one.pushed_at, "relatedTags": tags}


class IbmEmulator(VendorEmulator):
    """icr.io and IAM; what is deleted lies in the trash."""

    def __init__(self) -> None:
        super().__init__()
        self.shelf = Shelf()

    def answer(self, asked: Asked) -> Reply:
        if asked.path == "/identity/token":
            ok = asked.form.get("apikey") == "ibm-key-4711"
            return (
                Reply(200, {"access_token": "iam-4711", "expires_in": 3600})
                if ok
                else Reply(400, {"errorMessage": "x"})
            )
        if asked.headers.get("authorization") != "Bearer iam-4711" or asked.headers.get("account") != "acct":
            return Reply(401, {"code": "CRG0009E", "message": "You are not authorized"})
        if asked.path == "/api/v1/images":
            only = asked.query.get("repository")
            held = [(name, one) for name in self.shelf.repositories for one in self.shelf.live(name) if one.tags]
            return Reply(200, [_ibm_image(name, one) for name, one in held if only in (None, name)])
        place, name = asked.path.removeprefix("/api/v1/").split("/")[:2]
        written = unquote(name).partition("/")[2]
        if place == "images":
            return self._delete(*written.split("@"))
        if place == "tags":
            repository, _, tag = written.rpartition(":")
            stored = self.shelf.find(repository, tag)
            if stored is not None:
                stored.tags.remove(tag)
            return Reply(200 if stored else 404, {"Untagged": written})
        repository, _, digest = written.partition("@")
        self.shelf.repositories[repository][digest].deleted = False
        return Reply(200, {"successful": []})

    def _delete(self, repository: str, digest: str) -> Reply:
        stored = self.shelf.find(repository, digest)
        if stored is not None:
            stored.deleted = True
        return Reply(200 if stored else 404, {"Untagged": digest})


def _ibm_image(name: str, one: Stored) -> dict[str, Any]:
    tags = [f"de.icr.io/{name}:{tag}" for tag in one.tags]
    return {
        "Id": one.digest,
        "RepoTags": tags,
        "RepoDigests": [f"de.icr.io/{name}@{one.digest}"],
        "Created": 1_770_091_506,
    }


@dataclass
class AliyunEmulator(VendorEmulator):
    """One instance; every call must be signed."""

    shelf: Shelf = field(default_factory=Shelf)
    secret: str = "aliyun-4711"
    lie_about_total: int = 0

    def __post_init__(self) -> None:
        super().__init__()

    def answer(self, asked: Asked) -> Reply:
        query = dict(asked.query)
        if query.pop("Signature") != signature("GET", query, self.secret):
            return Reply(403, {"Code": "SignatureDoesNotMatch", "Message": "Specified signature is not matched."})
        action = query["Action"]
        names = list(self.shelf.repositories)
        if query["InstanceId"] != "cri-1":
            return Reply(200, {"IsSuccess": False, "Code": "INSTANCE_NOT_EXIST", "message": "no such instance"})
        if action == "GetAuthorizationToken":
            return Reply(200, {"IsSuccess": True, "TempUsername": "cr_temp_user", "AuthorizationToken": "temp-4711"})
        if action == "ListRepository":
            shown = [
                {"RepoNamespaceName": name.partition("/")[0], "RepoName": name.partition("/")[2], "RepoId": f"crr-{n}"}
                for n, name in enumerate(names)
            ]
            return self._page(query, "Repositories", shown)
        if action == "GetRepository":
            name = f"{query['RepoNamespaceName']}/{query['RepoName']}"
            return Reply(200, {"IsSuccess": True, "RepoId": f"crr-{names.index(name)}"})
        held = self.shelf.live(names[int(query["RepoId"].removeprefix("crr-"))])
        if action == "DeleteRepoTag":
            stored = next((one for one in held if query["Tag"] in one.tags), None)
            if stored is None:
                return Reply(200, {"IsSuccess": False, "Code": "REPO_TAG_NOT_EXIST", "message": "no such tag"})
            stored.tags.remove(query["Tag"])
            return Reply(200, {"IsSuccess": True})
        tags = [(one, tag) for one in held for tag in one.tags]
        shown = [
            {"Tag": tag, "Digest": one.digest.removeprefix("sha256:"), "ImageUpdate": f"{_stamp(one.pushed_at):.0f}000"}
            for one, tag in tags
        ]
        return self._page(query, "Images", shown)

    def _page(self, query: dict[str, str], key: str, entries: list[Any]) -> Reply:
        size, number = int(query["PageSize"]), int(query["PageNo"])
        shown = entries[(number - 1) * size : number * size]
        total = str(len(entries) + self.lie_about_total)
        return Reply(200, {"IsSuccess": True, key: shown, "TotalCount": total, "PageNo": number})
