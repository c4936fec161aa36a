"""A token server for docker-registry's `auth.token`: signs JWTs with RS256, by the openssl command line."""

from __future__ import annotations

import json
import subprocess
import time
from base64 import b64decode, b64encode, urlsafe_b64encode
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.resources.registry.faulty_registry import (
    Asked,
    FaultyRegistry,
    Reply,
    error_reply,
    json_reply,
    self_signed,
)

ISSUER, SERVICE = "tests", "registry.test"


class TokenServer:
    """Gives tokens to one user for whatever they ask, to others for nothing."""

    def __init__(self, server: FaultyRegistry, folder: Path, username: str, password: str) -> None:
        self.server = server
        self.certificate, self._key = self_signed(folder)
        self._basic = "Basic " + b64encode(f"{username}:{password}".encode()).decode()
        self.expires_in = 300
        self.given = 0
        server.on("GET", "/token", self._give)

    @property
    def auth_section(self) -> dict[str, Any]:
        """`auth:` of docker-registry's configuration."""
        return {
            "token": {
                "realm": f"{self.server.url}/token",
                "service": SERVICE,
                "issuer": ISSUER,
                "rootcertbundle": str(self.certificate),
            }
        }

    def _give(self, asked: Asked) -> Reply:
        if asked.authorization != self._basic:
            return error_reply(401, "UNAUTHORIZED", "wrong user name or password")
        scopes = parse_qs(urlsplit(asked.path).query).get("scope", [])
        access = []
        for scope in scopes:
            kind, name, actions = scope.split(":", 2)
            if not name.startswith("secret/"):
                access.append({"type": kind, "name": name, "actions": actions.split(",")})
        self.given += 1
        return json_reply({"token": self._sign(access), "expires_in": self.expires_in})

    def _sign(self, access: list[dict[str, Any]]) -> str:
        pem = self.certificate.read_text()
        body = pem.partition("-----BEGIN CERTIFICATE-----")[2].partition("-----END")[0]
        header = {"typ": "JWT", "alg": "RS256", "x5c": [b64encode(b64decode(body)).decode()]}
        now = int(time.time())
        claims = {
            "iss": ISSUER, "sub": "somebody", "aud": SERVICE, "exp": now + 300, "nbf": now - 10, "iat": now,
            "jti": str(self.given), "access": access,
        }  # fmt: skip
        signed = ".".join(_encoded(json.dumps(part).encode()) for part in (header, claims))
        command = ["openssl", "dgst", "-sha256", "-sign", str(self._key)]
        signature = subprocess.run(command, input=signed.encode(), capture_output=True, check=True).stdout
        return f"{signed}.{_encoded(signature)}"


def _encoded(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
