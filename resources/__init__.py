"""What we talk to: one outside system a file; nothing else opens a socket or a transaction."""
