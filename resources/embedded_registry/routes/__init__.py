"""The HTTP interface, a file for each group of endpoints of the specification."""
