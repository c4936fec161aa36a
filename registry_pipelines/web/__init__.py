"""The web service: answers for monitoring, reports, metrics, pages for people. It reads, and takes events."""
