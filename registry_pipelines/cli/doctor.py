def doctor() -> None:
    """Slot."""
