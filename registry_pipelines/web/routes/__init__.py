"""One file a group of routes; each has a function that gives its routes."""
