"""The run coordinator of an instance: every run passes it before it is queued.

In `dagster.yaml`:

    run_coordinator:
      module: registry_pipelines.coordinator
      class: SignedInRunCoordinator
      config:
        header: X-Forwarded-Email
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dagster import Array, DagsterRun, Field, QueuedRunCoordinator, String
from dagster._config.config_schema import UserConfigSchema
from dagster._core.run_coordinator import SubmitRunContext
from dagster._serdes import ConfigurableClassData

from registry_core.plain_config import refuse_what_is_not_plain
from registry_pipelines.launching.request import person_signed_in, refuse_what_was_not_meant, request_of
from registry_pipelines.launching.tags import (
    refuse_tags_of_other_launchers,
    set_by_definition,
    tags_of_definition,
)

#: The UI shows this tag as "Launched by".
USER_TAG = "user"

#: Put in the place of a tag that was typed by hand.
NOT_SIGNED_IN = "(not signed in)"


class SignedInRunCoordinator(QueuedRunCoordinator):
    """Queues runs, and lets none begin with an authority that was typed.

    - Tags that choose the pod of a run are set from the definition of its job.
    - The tag `user` is set from the header of the sign-in proxy, where one is configured; a typed one is overwritten.
    - A request that another page may have caused is refused, and a run config that is not plain.

    It does so for each run of the instance, of other code locations as well. What is refused is a failed run with one
    sentence; its tags are set first, where its definition can be loaded. Trap: anyone who reaches the web server
    without the proxy can send the header too, so let nothing but the proxy reach it.
    """

    def __init__(
        self,
        header: str | None = None,
        origins: Sequence[str] = (),
        inst_data: ConfigurableClassData | None = None,
        **queue: Any,
    ) -> None:
        self.header = header
        self.origins = tuple(origins)
        super().__init__(inst_data=inst_data, **queue)

    @classmethod
    def config_type(cls) -> UserConfigSchema:
        own = {
            "header": Field(
                String, is_required=False, description="header by which the sign-in proxy names the person"
            ),
            "origins": Field(
                Array(String),
                is_required=False,
                description="addresses under which people open the UI (`https://dagster.example.com`); only needed"
                " where the proxy does not pass on the header Host",
            ),
        }
        return {**super().config_type(), **own}  # type: ignore[dict-item]  # a union; ours are mappings

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData, config_value: Mapping[str, Any]
    ) -> SignedInRunCoordinator:
        return cls(inst_data=inst_data, **config_value)

    def submit_run(self, context: SubmitRunContext) -> DagsterRun:
        """Queue a run. Raises Refused; the instance then marks the run as failed."""
        run = context.dagster_run
        if USER_TAG in run.tags:
            self._instance.add_run_tags(run.run_id, {USER_TAG: NOT_SIGNED_IN})
        own = tags_of_definition(run, context.workspace)
        if changed := set_by_definition(run.tags, own):
            self._instance.add_run_tags(run.run_id, changed)
        refuse_tags_of_other_launchers(run.tags, own)
        refuse_what_is_not_plain(run.run_config)
        request = request_of(context)
        if request is not None:
            refuse_what_was_not_meant(request, self.origins)
            person = person_signed_in(request, self.header) if self.header is not None else None
            if person is not None:
                self._instance.add_run_tags(run.run_id, {USER_TAG: person})
        return super().submit_run(context)
