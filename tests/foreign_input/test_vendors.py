"""What vendors' APIs answer: each emulator's own answers, with something else at any place of them."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry_core.errors import RegistryPipelinesError
from resources.configuration.sign_in import sign_in_to
from resources.registry.sign_in.login import Credential, Login
from tests.foreign_input.garbage import LEAVES, RAW, SLOW, TEXTS, Raw, error_of, places, put, without, written
from tests.image_builder import make_image, make_multi_platform
from tests.resources.registry.providers.azure_emulator import AzureEmulator
from tests.resources.registry.providers.cloud_emulators import (
    AliyunEmulator,
    EcrEmulator,
    GoogleEmulator,
    IbmEmulator,
)
from tests.resources.registry.providers.docker_hub_emulator import DockerHubEmulator
from tests.resources.registry.providers.ghcr_emulator import GhcrEmulator
from tests.resources.registry.providers.harbor_emulator import HarborEmulator
from tests.resources.registry.providers.quay_emulator import QuayEmulator, QuayTag
from tests.resources.registry.providers.vendor_server import Asked, Reply, VendorEmulator
from tests.resources.registry.providers.vendors import ROBOT, connected, deletion_at, settings_of

COVERS: tuple[str, ...] = (
    "resources.registry.providers.aliyun",
    "resources.registry.providers.api_bodies",
    "resources.registry.providers.api_client",
    "resources.registry.providers.api_pages",
    "resources.registry.providers.api_refusals",
    "resources.registry.providers.azure_sign_in",
    "resources.registry.providers.ecr",
    "resources.registry.providers.ghcr",
    "resources.registry.providers.google",
    "resources.registry.providers.harbor",
    "resources.registry.providers.harbor_collection",
    "resources.registry.providers.ibm",
    "resources.registry.providers.interface",
    "resources.registry.providers.quay",
    "resources.registry.providers.docker_hub",
)

QUICK: dict[str, Any] = {"retries": 0, "timeout": timedelta(seconds=5), "patience": timedelta(0)}
SECRETS = {
    "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "aws-4711", "AWS_EC2_METADATA_DISABLED": "true",
    "GITHUB_TOKEN": "ghp_reader_4711", "QUAY_TOKEN": "quay-oauth-4711", "AZURE_SECRET": "entra-secret-4711",
    "GOOGLE_TOKEN": "ya29-4711", "IBM_KEY": "ibm-key-4711", "ALIYUN": "aliyun-4711",
}  # fmt: skip


@dataclass(frozen=True)
class Vendor:
    """How a site's file names one, and a repository that it holds."""

    emulator: type[VendorEmulator]
    own: Callable[[str], Any]
    repository: str = "team/web"
    credential: Credential | None = None


VENDORS: dict[str, Vendor] = {
    "ecr": Vendor(EcrEmulator, lambda url: {"ecr": {"region": "eu-central-1", "account": "123456789012", "api": url}}),
    "ghcr": Vendor(
        GhcrEmulator, lambda url: {"ghcr": {"owner": "acme", "api": url, "token": {"env": "GITHUB_TOKEN"}}}, "acme/web"
    ),
    "harbor": Vendor(HarborEmulator, lambda _: "harbor", "health/web", ROBOT),
    "docker_hub": Vendor(
        DockerHubEmulator,
        lambda url: {"docker_hub": {"namespaces": ["acme"], "api": url}},
        "acme/web",
        Login("jane", "dckr_pat_4711"),
    ),
    "quay": Vendor(
        QuayEmulator, lambda _: {"quay": {"namespaces": ["acme"], "token": {"env": "QUAY_TOKEN"}}}, "acme/web"
    ),
    "azure": Vendor(
        AzureEmulator,
        lambda url: {
            "azure": {"tenant": "acme.example.com", "client_id": "p", "client_secret": {"env": "AZURE_SECRET"},
                      "authority": url}
        },
    ),
    "google": Vendor(
        GoogleEmulator,
        lambda url: {
            "google": {"project": "acme", "location": "europe-west3", "token": {"env": "GOOGLE_TOKEN"}, "api": url}
        },
        "acme/images/web",
    ),
    "ibm": Vendor(IbmEmulator, lambda url: {"ibm": {"account": "acct", "api_key": {"env": "IBM_KEY"}, "iam": url}}),
    "aliyun": Vendor(
        AliyunEmulator,
        lambda url: {
            "aliyun": {"instance": "cri-1", "region": "eu-central-1", "access_key_id": "LTAI",
                       "access_key_secret": {"env": "ALIYUN"}, "api": url}
        },
    ),
}  # fmt: skip


class Spoiler:
    """Spoils what an emulator answers, by chance of a seed; 0 spoils nothing."""

    def __init__(self, emulator: VendorEmulator) -> None:
        self._answer = emulator.answer
        emulator.answer = self.answer  # type: ignore[method-assign]
        self.chance = random.Random(0)
        self.share = 0.0

    def seed(self, seed: int) -> None:
        self.chance, self.share = random.Random(seed), 0.6 if seed else 0.0

    def answer(self, asked: Asked) -> Reply:
        reply = self._answer(asked)
        chance = self.chance
        if chance.random() >= self.share:
            return reply
        content = reply.content
        for _ in range(chance.randint(1, 3)):
            content = self._spoiled(content)
        headers = dict(reply.headers)
        for name in ("Link", "Retry-After", "Location", "X-RateLimit-Reset", "X-Total-Count"):
            if chance.random() < 0.1:
                value = chance.choice(TEXTS).encode("utf-8", "replace").decode("latin-1")[:2000]
                headers[name] = "".join(one for one in value if one not in "\r\n\0")
        status = chance.choice([reply.status, reply.status, reply.status, 200, 200, 302, 400, 401, 403, 404, 429, 500])
        return Reply(status, body=written(content), headers=headers)

    def _spoiled(self, content: Any) -> Any:
        path = self.chance.choice(places(content))
        if path and self.chance.random() < 0.2:
            return without(content, path)
        leaves = (self.chance.choice(LEAVES), self.chance.choice(TEXTS), Raw(self.chance.choice(RAW)))
        return put(content, path, self.chance.choice(leaves))


@contextmanager
def filled(vendor: Vendor) -> Iterator[VendorEmulator]:
    with vendor.emulator() as emulator:
        image = make_multi_platform()
        if isinstance(emulator, QuayEmulator):
            emulator.repositories = {"acme/web": [QuayTag("v1", image.digest)], "acme/other": []}
        else:
            emulator.shelf.put(vendor.repository, image, "v1", "v2")  # type: ignore[attr-defined]
            emulator.shelf.put(vendor.repository, make_image([b"two"]), "v3")  # type: ignore[attr-defined]
            emulator.shelf.put(f"{vendor.repository}-2", make_image([b"3"]), "v1")  # type: ignore[attr-defined]
        yield emulator


def ask_everything(vendor: Vendor, url: str) -> list[Exception | None]:
    own = vendor.own(url)
    connection, provider = connected(url, own, vendor.credential, **QUICK)
    told = [error_of(provider.repositories), error_of(lambda: provider.details(vendor.repository))]
    error_of(provider.close)
    connection.close()
    deletion = deletion_at(url, own, vendor.credential, **QUICK)
    told.append(error_of(lambda: deletion.remove_tag(vendor.repository, "v9")))
    told.append(error_of(lambda: deletion.delete_image(vendor.repository, "sha256:" + "0" * 64)))
    error_of(deletion.close)
    told.append(error_of(lambda: sign_in_to(settings_of(url, own, **QUICK))))
    return told


@pytest.mark.parametrize("name", VENDORS)
def test_no_answer_of_a_vendor_raises_what_is_not_ours(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if name == "ecr":
        pytest.importorskip("boto3", reason="install the extra `ecr` (boto3) to run this")
    for key, secret in SECRETS.items():
        monkeypatch.setenv(key, secret)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    vendor = VENDORS[name]
    with filled(vendor) as emulator:
        spoiler = Spoiler(emulator)
        _, provider = connected(emulator.url, vendor.own(emulator.url), vendor.credential, **QUICK)
        assert vendor.repository in provider.repositories().names, "nothing is spoiled yet"
        assert provider.details(vendor.repository).images

        @settings(SLOW, max_examples=5 if name == "ecr" else 25)  # boto3 takes half a second to begin
        @given(st.integers(1, 2**32))
        def check(seed: int) -> None:
            spoiler.seed(seed)
            for error in ask_everything(vendor, emulator.url):
                assert error is None or isinstance(error, RegistryPipelinesError)
                assert "\n" not in str(error)
                assert "4711" not in str(error)

        check()
