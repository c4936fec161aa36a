"""How fast the crawl is, against what the server itself can do. `python -m benchmarks.crawl --help`."""
