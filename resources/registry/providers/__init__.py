"""The vendors' own APIs: what the OCI API does not tell, and the verbs that it does not have.

`interface` is what every vendor offers, one file each; `choice` picks the vendor of a registry. Files named
`*_deletion` can delete, and only the deletion job may import them; those named `*_restoration` bring back and cannot
delete; `harbor_collection` frees bytes (`pyproject.toml`, contracts).
"""
