"""`python -m registry_pipelines`, for where the console script is not on the PATH."""

from registry_pipelines.cli.main import main

if __name__ == "__main__":
    main()
