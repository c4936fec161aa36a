"""What the registry answers when it will not: the error codes of the specification, and their JSON body."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from registry_core.coverage import Fault
from registry_core.errors import RegistryError

#: HTTP status of each code (OCI distribution specification v1.1.1, "Error Codes" and "Endpoints").
STATUS_OF_CODE: Mapping[str, int] = {
    "BLOB_UNKNOWN": 404,
    "BLOB_UPLOAD_INVALID": 400,
    "BLOB_UPLOAD_UNKNOWN": 404,
    "DENIED": 403,
    "DIGEST_INVALID": 400,
    "MANIFEST_BLOB_UNKNOWN": 400,
    "MANIFEST_INVALID": 400,
    "MANIFEST_UNKNOWN": 404,
    "NAME_INVALID": 400,
    "NAME_UNKNOWN": 404,
    "SIZE_INVALID": 400,
    "UNAUTHORIZED": 401,
    "UNSUPPORTED": 405,
}


class Rejection(RegistryError):
    """A request that the embedded registry answers with an error of the specification.

    `code` is one of `STATUS_OF_CODE`; `status` stands for it unless given (413 and 416 have no code of
    their own); `headers` go with the answer.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        detail: object = None,
        status: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        status = status or STATUS_OF_CODE[code]
        super().__init__(message, fault=_fault_of(status), status=status, codes=(code,))
        self.code = code
        self.detail = detail
        self.http_status = status
        self.headers = dict(headers or {})


def error_body(code: str, message: str, detail: object = None) -> bytes:
    """The JSON of the specification's section "Error Codes"."""
    error: dict[str, Any] = {"code": code, "message": message}
    if detail is not None:
        error["detail"] = detail
    return json.dumps({"errors": [error]}).encode()


def _fault_of(status: int) -> Fault:
    if status == 404:
        return "missing"
    return "forbidden" if status in (401, 403, 405) else "corrupt"
