"""Speaking plain HTTP to the embedded registry."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from resources.embedded_registry import EmbeddedRegistry
from resources.embedded_registry.rejections import STATUS_OF_CODE


class Api(requests.Session):
    """Requests by path; a relative Location can be used as it came."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url, self.trust_env = url, False

    def request(self, method: Any, url: Any, *args: Any, **keywords: Any) -> requests.Response:
        keywords.setdefault("timeout", 30)
        return super().request(method, url if "://" in url else self.url + url, *args, **keywords)

    def start_upload(self, repository: str) -> str:
        answer = self.post(f"/v2/{repository}/blobs/uploads/")
        assert answer.status_code == 202, answer.text
        return answer.headers["Location"]

    def patch_chunk(self, location: str, chunk: bytes, content_range: str | None) -> requests.Response:
        headers = {"Content-Type": "application/octet-stream"}
        if content_range is not None:
            headers["Content-Range"] = content_range
        return self.patch(location, data=chunk, headers=headers)

    def put_manifest(self, repository: str, reference: str, content: bytes, media_type: str) -> requests.Response:
        headers = {"Content-Type": media_type} if media_type else {}
        return self.put(f"/v2/{repository}/manifests/{reference}", data=content, headers=headers)


def assert_error(answer: requests.Response, status: int, code: str) -> None:
    """The answer is an error exactly as the specification's section "Error Codes" writes it."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/json"
    (error,) = answer.json()["errors"]
    assert error["code"] == code
    assert error["code"] in STATUS_OF_CODE
    assert isinstance(error["message"], str)
    assert error["message"]


@pytest.fixture
def api(embedded_registry: EmbeddedRegistry) -> Iterator[Api]:
    with Api(embedded_registry.url) as session:
        yield session
