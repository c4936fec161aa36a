def ls() -> None:
    """Slot."""
