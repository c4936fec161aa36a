"""Amazon ECR through boto3 (extra `ecr`): repositories, push and pull times, archived images.

Sources: the ECR API reference (DescribeRepositories, DescribeImages, GetAuthorizationToken). Traps: failures come in
`failures[]` with status 200; an archived image is listed only on request and cannot be pulled; the login is `AWS` and
a token of twelve hours; pull times are kept once a day.
"""

from __future__ import annotations

import base64
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, ClassVar

from registry_core.coverage import Fault
from registry_core.digests import is_digest
from registry_core.errors import ConfigError, RegistryError
from registry_core.foreign_json import entries_of, texts_of
from resources.configuration.provider_settings import EcrSettings
from resources.configuration.registry_settings import RegistrySettings
from resources.registry.providers.interface import Capabilities, ImageDetail, Provider, no, yes
from resources.registry.refusals import printable
from resources.registry.sign_in.login import Login

HOST = re.compile(r"(?P<account>\d{12})\.dkr\.ecr(?:-fips)?\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(?:\.cn)?")
_PAGE_SIZE = 1000

CAPABILITIES = Capabilities(
    lists_repositories=yes("all of the account and region"),
    knows_push_time=yes("of every image"),
    knows_last_pull=yes("once a day"),
    removes_single_tags=yes("the image stays while another tag holds it"),
    deletes=yes("100 in a request; what an index lists is told in `failures[]`"),
    restores=no("what is deleted is gone; an archived image can be activated again"),
    referrers=yes("the OCI API"),
    locks=no("immutable tags cannot be moved, and can be deleted"),
    collection=no("Amazon collects by itself"),
)


class Ecr(Provider):
    """The private registry of one account in one region."""

    name: ClassVar[str] = "ecr"
    title: ClassVar[str] = "Amazon ECR"
    capabilities: ClassVar[Capabilities] = CAPABILITIES
    names_every_image: ClassVar[bool] = True

    def __init__(self, label: str, settings: RegistrySettings, own: EcrSettings) -> None:
        self.api = EcrApi(f"{label}: ECR", settings, own)

    def list_repositories(self) -> Iterator[str]:
        for page in self.api.pages("describe_repositories", "list the repositories", "repositories"):
            yield str(page["repositoryName"])

    def read_images(self, repository: str) -> Iterator[ImageDetail]:
        wanted = f"list the images of {repository}"
        only = {"repositoryName": repository, "filter": {"imageStatus": "ANY"}}
        for one in self.api.pages("describe_images", wanted, "imageDetails", **only):
            digest = one.get("imageDigest")
            if isinstance(digest, str) and is_digest(digest):
                yield _image_of(digest, one)

    def close(self) -> None:
        self.api.close()


class EcrApi:
    """boto3's client, made when first used; its exceptions end here."""

    def __init__(self, label: str, settings: RegistrySettings, own: EcrSettings) -> None:
        matched = HOST.fullmatch(settings.host)
        self.label = label
        self._settings = settings
        self._own = own
        self._region = own.region or (matched["region"] if matched else None)
        self._account = own.account or (matched["account"] if matched else None)
        self._made: Any = None
        self._lock = threading.Lock()

    def pages(self, verb: str, wanted: str, key: str, **only: Any) -> Iterator[dict[str, Any]]:
        """Entries of a listing. Raises RegistryError where AWS refuses or cannot be reached."""
        client = self.client()
        if self._account:
            only["registryId"] = self._account
        with self._in_our_words(wanted):
            for page in client.get_paginator(verb).paginate(**only, PaginationConfig={"PageSize": _PAGE_SIZE}):
                yield from entries_of(page, key)

    def call(self, verb: str, wanted: str, **parameters: Any) -> dict[str, Any]:
        """One call. Raises RegistryError; what is in `failures[]` of the answer is for the caller."""
        client = self.client()
        with self._in_our_words(wanted):
            answer: dict[str, Any] = getattr(client, verb)(**parameters)
            return answer

    @contextmanager
    def _in_our_words(self, wanted: str) -> Iterator[None]:
        from botocore.exceptions import BotoCoreError, ClientError  # an extra: only who uses ECR has it

        try:
            yield
        except ClientError as error:
            raise self.refusal(wanted, error) from error
        except BotoCoreError as error:
            raise self.no_answer(wanted, error) from error
        except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
            # What botocore's parsers raise for an answer that is not one of AWS.
            raise RegistryError(
                f"{self.label}: could not {wanted}: the answer is not one of ECR ({type(error).__name__}); look at"
                " proxies between, and at `api`",
                fault="unreachable",
            ) from error

    @property
    def account(self) -> dict[str, str]:
        """`registryId` as an argument, where it is known."""
        return {"registryId": self._account} if self._account else {}

    def client(self) -> Any:
        """Raises ConfigError where boto3 is not installed, or does not know the region or profile."""
        with self._lock:
            if self._made is None:
                self._made = self._make()
            return self._made

    def close(self) -> None:
        with self._lock:
            made, self._made = self._made, None
        if made is not None:
            made.close()

    def _make(self) -> Any:
        try:
            import boto3  # an extra: half a second that only who uses ECR pays
            from botocore.config import Config
            from botocore.exceptions import BotoCoreError
        except ImportError as error:
            raise ConfigError(
                "ECR is asked through boto3, which is not installed; run `pip install 'registry-pipelines[ecr]'`, or"
                " write `provider: plain`",
                subject=self.label,
            ) from error
        seconds = self._settings.timeout.total_seconds()
        config = Config(
            connect_timeout=seconds,
            read_timeout=seconds,
            retries={"mode": "standard", "total_max_attempts": self._settings.retries + 1},
        )
        tls = self._settings.tls
        try:
            session = boto3.session.Session(profile_name=self._own.profile, region_name=self._region)
            return session.client(
                "ecr", endpoint_url=self._own.api, config=config, verify=False if tls.insecure else tls.ca
            )
        except BotoCoreError as error:
            raise ConfigError(f"{printable(str(error))}; set `provider.ecr`", subject=self.label) from error

    def refusal(self, wanted: str, error: Any) -> RegistryError:
        """A ClientError in our words."""
        code = str(error.response.get("Error", {}).get("Code", ""))
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        said = printable(str(error.response.get("Error", {}).get("Message", "")))
        fault, step = _fault_of(code, status)
        return RegistryError(
            f"{self.label}: could not {wanted}: {code}: {said}; {step}",
            fault=fault,
            retryable=fault in ("throttled", "unreachable"),
            status=status,
            codes=(code,),
        )

    def no_answer(self, wanted: str, error: Exception) -> RegistryError:
        kind = type(error).__name__
        if kind in ("NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError", "TokenRetrievalError"):
            return RegistryError(
                f"{self.label}: could not {wanted}: AWS's tools find no keys here; give a role, AWS_PROFILE, or keys in"
                " the environment",
                fault="forbidden",
            )
        return RegistryError(
            f"{self.label}: could not {wanted}: no answer ({kind}); check the network and the region",
            fault="unreachable",
            retryable=True,
        )


def ecr_login(label: str, settings: RegistrySettings, own: EcrSettings) -> Login:
    """The login for the registry itself, good for twelve hours. Raises RegistryError or ConfigError."""
    api = EcrApi(f"{label}: ECR", settings, own)
    wanted = "get a login for the registry"
    try:
        answer = api.call("get_authorization_token", wanted)
    finally:
        api.close()
    for one in entries_of(answer, "authorizationData"):
        try:
            decoded = base64.b64decode(one.get("authorizationToken", "")).decode()
        except (ValueError, TypeError, AttributeError):
            continue
        user, _, password = decoded.partition(":")
        if password:
            return Login(user, password)
    raise RegistryError(f"{api.label}: could not {wanted}: the answer holds no token", fault="unreachable")


def _image_of(digest: str, one: dict[str, Any]) -> ImageDetail:
    status = one.get("imageStatus", "ACTIVE")
    return ImageDetail(
        digest,
        tags=texts_of(one, "imageTags"),
        pushed_at=_utc(one.get("imagePushedAt")),
        pulled_at=_utc(one.get("lastRecordedPullTime")),
        labels=() if status == "ACTIVE" else (f"{str(status).lower()} in ECR: it cannot be pulled",),
        readable=status == "ACTIVE",
    )


def _utc(at: object) -> datetime | None:
    return at.astimezone(UTC) if isinstance(at, datetime) else None


def _fault_of(code: str, status: object) -> tuple[Fault, str]:
    if code in ("RepositoryNotFoundException", "ImageNotFoundException", "RegistryNotFoundException"):
        return "missing", "check its name, the account and the region"
    if "Throttl" in code or code in ("LimitExceededException", "TooManyRequestsException", "RequestLimitExceeded"):
        return "throttled", "try later; AWS limits calls by account and region"
    if status in (400, 401, 403):
        return (
            "forbidden",
            "allow the role `ecr:DescribeRepositories`, `ecr:DescribeImages`, `ecr:GetAuthorizationToken`",
        )
    return "unreachable", "try later, and look at the AWS health dashboard"
