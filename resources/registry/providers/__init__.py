"""The vendors' own APIs: what the OCI API does not tell, and the verbs that it does not have.

`interface` is what every vendor offers, one file each; `choice` picks the vendor of a registry. Files named
`*_deletion` can delete, restore and collect; only the deletion job may import them (`pyproject.toml`, contracts).
"""
