"""The rules of names in a site's file."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from resources.configuration.rewriting_settings import RewritingSettings


def test_rules_are_read_as_the_core_knows_them() -> None:
    settings = RewritingSettings.model_validate({"prefix": {"": "mirror"}, "map": {"team/app": "shop/app"}})
    rules = settings.rewriting()
    assert [rules.rewrite(name) for name in ("team/app", "team/web")] == ["shop/app", "mirror/team/web"]
    assert RewritingSettings().rewriting().rewrite("team/app") == "team/app"


def test_all_faults_of_the_rules_are_told_at_once() -> None:
    with pytest.raises(ValidationError) as caught:
        RewritingSettings.model_validate({"prefix": {"Team": "x"}, "map": {"a": "c", "b": "c"}})
    message = str(caught.value)
    assert "`prefix` of `Team`: `Team` is no name of a repository" in message
    assert "`a`, `b` would all be called `c`" in message
