"""Telling people: through Apprise to whatever they read, and to Datadog. Addresses hold secrets and are never shown."""
