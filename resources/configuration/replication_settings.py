"""The section `replications`: standing rules that copy, and what sets them going."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field

from registry_core.replication import ReplicationRule
from resources.configuration.limit_settings import Cron
from resources.configuration.migration_settings import CopyRuleSettings


class ReplicationSettings(CopyRuleSettings):
    """One standing rule. Nothing is copied before a person approved the rule, as it is."""

    trigger: Literal["manual", "schedule", "event"] = Field(
        "schedule",
        description="what sets it going: a person, `schedule`, or a push event of the source; what follows events is"
        " compared by `schedule` too, because an event may be lost",
    )
    schedule: Cron = Field("0 * * * *", description="cron, in UTC: compare, and copy what is missing")
    revision: int = Field(1, ge=1, description="raise it to have a rule that was rejected decided over again")

    def standing_rule(self, name: str) -> ReplicationRule:
        """What a person decides over."""
        return ReplicationRule(self.rule(name), self.revision)


def name_in_dagster(name: str) -> str:
    """The name of a replication as a part of names in Dagster, which have letters, digits and `_` only."""
    return re.sub(r"\W", "_", name)
