"""What we know: the lineage graph, one asset a file: read, decide, save, describe."""
