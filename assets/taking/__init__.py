"""The deeds behind the assets: read, decide, save. They know no Dagster, so that the command line does the very
same."""
