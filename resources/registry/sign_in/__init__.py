"""Signing in to a registry: what it asks for (`challenge`), what we have (`login`), what we are given (`token`)."""
