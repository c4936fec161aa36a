"""How repositories are called at a destination: of migrations and of cut-overs alike."""

from __future__ import annotations

from pydantic import Field, model_validator

from registry_core.rewriting import Rewriting
from resources.configuration.base import Settings


class RewritingSettings(Settings):
    """Names of repositories at the destination; a name that nothing here touches stays as it is."""

    prefix: dict[str, str] = Field(
        {},
        description="leading segments and what stands for them; the longest that fits is replaced, the empty one"
        " fits every name, an empty value takes the segments away",
        examples=[{"": "mirror", "team": "platform/team"}],
    )
    map: dict[str, str] = Field(
        {},
        description="whole names and the whole names they get; these win over prefixes",
        examples=[{"team/app": "shop/app"}],
    )

    @model_validator(mode="after")
    def _no_faults(self) -> RewritingSettings:
        faults = [f"`{kind}` of `{source}`: {sentence}" for (kind, source), sentence in self.rewriting().faults()]
        if faults:
            raise ValueError(". ".join(faults))
        return self

    def rewriting(self) -> Rewriting:
        """The rules as the core knows them."""
        return Rewriting(prefixes=self.prefix, names=self.map)
