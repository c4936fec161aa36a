"""The crawl: a whole registry read, repository by repository, what is known by digest read once."""
