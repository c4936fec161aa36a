"""A run coordinator that notes who launched a run, as the sign-in proxy before the web server tells.

In `dagster.yaml`:

    run_coordinator:
      module: registry_pipelines.coordinator
      class: SignedInRunCoordinator
      config:
        header: X-Forwarded-Email
        max_concurrent_runs: 10
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dagster import DagsterRun, Field, QueuedRunCoordinator, String
from dagster._config.config_schema import UserConfigSchema
from dagster._core.run_coordinator import SubmitRunContext
from dagster._serdes import ConfigurableClassData

#: The UI shows this tag as "Launched by".
USER_TAG = "user"

#: Put in the place of a tag that was typed by hand.
NOT_SIGNED_IN = "(not signed in)"


class SignedInRunCoordinator(QueuedRunCoordinator):
    """Queues runs, and sets the tag `user` from a header of the request.

    A tag typed by hand is overwritten. Trap: whoever reaches the web server without the proxy can send the header
    too, so let nothing but the proxy reach it.
    """

    def __init__(self, header: str, inst_data: ConfigurableClassData | None = None, **queue: Any) -> None:
        self.header = header
        super().__init__(inst_data=inst_data, **queue)

    @classmethod
    def config_type(cls) -> UserConfigSchema:
        own = {"header": Field(String, description="header by which the sign-in proxy names the person")}
        return {**super().config_type(), **own}  # type: ignore[dict-item]  # a union; ours are mappings

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData, config_value: Mapping[str, Any]
    ) -> SignedInRunCoordinator:
        return cls(inst_data=inst_data, **config_value)

    def submit_run(self, context: SubmitRunContext) -> DagsterRun:
        name = (context.get_request_header(self.header) or "").strip()
        run = context.dagster_run
        if name or USER_TAG in run.tags:
            # Before it is queued, so that the run never starts with a tag that somebody typed.
            self._instance.add_run_tags(run.run_id, {USER_TAG: name or NOT_SIGNED_IN})
        return super().submit_run(context)
