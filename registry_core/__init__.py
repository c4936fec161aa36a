"""What is true: values and decisions. Standard library, pandas and numpy; no I/O, no clock, no framework."""
