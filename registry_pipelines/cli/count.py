def count() -> None:
    """Slot."""
