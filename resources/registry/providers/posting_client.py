"""An API client that may ask for what brings back or frees: it can POST, and has no DELETE."""

from __future__ import annotations

from typing import ClassVar

from resources.registry.providers.api_client import ApiClient


class PostingApiClient(ApiClient):
    """GET, HEAD and POST. What a POST does is the duty of the file that writes its path."""

    methods: ClassVar[frozenset[str]] = frozenset({"GET", "HEAD", "POST"})
