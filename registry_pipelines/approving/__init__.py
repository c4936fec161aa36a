"""How a person decides over a plan: the form, the one-time code, and the deed that files the decision."""
