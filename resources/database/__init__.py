"""The project's own history: what was seen, where, from when to when.

    registry, cluster ──> writing ──> staged_* ──(merging, one transaction)──> *_sightings ──> reading ──> frames

`history` is the door. `schema` and `sightings` say what is kept; `writing` stages what a run reads, `merging` makes
it part of the history; `reading` answers with frames, `questions` with what only a history can tell. `manifests`
keeps what a digest names, once. `connection` holds the two databases that are known (SQLite, PostgreSQL) and turns
their errors into ours; `migrating` brings a database up to this version.
"""
