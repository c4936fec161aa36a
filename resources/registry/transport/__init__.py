"""Moving bytes: one thread, many transfers, and the politeness that goes with them. Knows nothing of images."""
