"""`python -m registry_pipelines.cli`, where the console script is not on the PATH."""

from registry_pipelines.cli.main import main

main()
