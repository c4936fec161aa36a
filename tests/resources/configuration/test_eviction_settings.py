"""The pod that deletes: what the file says is what dagster-k8s understands."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from dagster_k8s.job import get_user_defined_k8s_config
from pydantic import ValidationError

from resources.configuration.approval_settings import ApprovalSettings
from resources.configuration.settings import Site

DOCS = Path(__file__).parents[3] / "docs" / "approval.md"


def yaml_of_docs(key: str) -> dict[str, Any]:
    """The first YAML block of the page that has this key at its top."""
    blocks = re.findall(r"^( *)```yaml\n(.*?)^ *```", DOCS.read_text(), re.DOTALL | re.MULTILINE)
    read = (yaml.safe_load(block) for _, block in blocks)
    return next(block for block in read if key in block)


def test_the_pod_of_the_documentation_is_understood_by_dagster_k8s() -> None:
    pod = Site.model_validate(yaml_of_docs("eviction")).eviction.pod
    assert pod is not None
    config = get_user_defined_k8s_config({"dagster-k8s/config": json.dumps(pod.dagster_k8s_config())})
    assert config.pod_spec_config == {"service_account_name": "registry-deleter"}
    (source,) = config.container_config["env_from"]
    assert source["secret_ref"]["name"] == "registry-deleter"


def test_the_approvals_of_the_documentation_can_be_read() -> None:
    site = Site.model_validate(yaml_of_docs("approvals"))
    assert site.approvals.approvers is not None
    assert [one.name for one in site.approvals.approvers] == ["alice@example.com", "bob@example.com"]
    assert site.limits.second_person_above_images == 100


def test_nobody_is_two_persons() -> None:
    with pytest.raises(ValidationError, match="alice stands there twice"):
        ApprovalSettings.model_validate({"approvers": [{"name": "Alice"}, {"name": " alice "}]})


def test_a_list_of_nobody_is_a_mistake() -> None:
    with pytest.raises(ValidationError, match="at least 1"):
        ApprovalSettings.model_validate({"approvers": []})


def test_a_secret_is_named_and_never_written() -> None:
    with pytest.raises(ValidationError, match="never the secret"):
        ApprovalSettings.model_validate({"approvers": [{"name": "Alice", "totp": "JBSWY3DPEHPK3PXP"}]})
