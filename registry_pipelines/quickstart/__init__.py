"""The whole main job on a sample company: an embedded registry, dumps of two clusters, the Dagster UI."""
