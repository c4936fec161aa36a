"""The one file a platform team writes, `registry_pipelines.yaml`, read and checked.

`settings` holds the models, `load` reads the file and tells all its problems at once, `secrets` resolves the
names of secrets to their values at the moment of use.
"""
