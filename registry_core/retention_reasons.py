"""Why an image is kept, as bits: one number holds all reasons of one image, and five million of them fit in RAM.

The words for a person are made on demand, in `retention_words`.
"""

from __future__ import annotations

from enum import IntFlag


class Reason(IntFlag):
    """Reasons to keep; an image without any may go. A bit once written into a plan's summary keeps its name."""

    PROTECTED = 1 << 0  #: the entry of its repository protects it
    NO_POLICY = 1 << 1  #: no entry matches its repository
    UNREADABLE = 1 << 2  #: its manifest or config could not be read
    NOT_READ_WHOLE = 1 << 3  #: something unread in its repository may be a tag or a parent of it
    MAY_BELONG = 1 << 4  #: untagged, beside a corrupt manifest that may list it
    GONE = 1 << 5  #: named by something, but not stored: there is nothing to delete
    IN_USE = 1 << 6  #: used by a cluster, itself or through a child
    ROLLBACK = 1 << 7  #: one of the steps before an image in use, or of the same time as one
    ROLLBACK_UNKNOWN = 1 << 8  #: an image in use has no place in the order, so those before it are unknown
    TAG = 1 << 9  #: a tag matches `keep_tags`
    VERSION = 1 << 10  #: a tag is kept by `keep_versions`
    LAST = 1 << 11  #: among the newest `keep_last`
    WITHIN = 1 << 12  #: younger than `keep_within` (of the entry, or of its `untagged`)
    UNKNOWN_DATE = 1 << 13  #: a rule asks for its date, which is absent or impossible
    UNTAGGED = 1 << 14  #: untagged, and the entry keeps those or says nothing of them
    BELONGS = 1 << 15  #: child or referrer of a kept image
    SUBJECT = 1 << 16  #: a kept image refers to it
    VENDOR = 1 << 17  #: the registry's vendor protects it
    VENDOR_UNKNOWN = 1 << 18  #: what the vendor protects could not be read
    BROKEN = 1 << 19  #: a part of it is lost, so that it could not be put back
    SUBJECT_UNREAD = 1 << 20  #: what it refers to is not stored, unless in a place that was not read
    VERSION_ORDER = 1 << 21  #: pushed after a version of the same numbers that `keep_versions` keeps as the newer one


#: Reasons that keep single tags: where an image has no other, its remaining tags may be removed. A use is one as far
#: as it names a tag (`retention_naming`).
REASONS_OF_TAGS = Reason.TAG | Reason.VERSION | Reason.VERSION_ORDER | Reason.IN_USE

#: How a summary counts each reason.
HEADINGS: dict[Reason, str] = {
    Reason.PROTECTED: "in a protected repository",
    Reason.NO_POLICY: "in a repository that no policy matches",
    Reason.UNREADABLE: "unreadable, so kept",
    Reason.NOT_READ_WHOLE: "in a repository that was not read whole, so kept",
    Reason.MAY_BELONG: "may belong to an unreadable image, so kept",
    Reason.GONE: "no longer stored",
    Reason.IN_USE: "in use",
    Reason.ROLLBACK: "to roll back to",
    Reason.ROLLBACK_UNKNOWN: "perhaps to roll back to, so kept",
    Reason.TAG: "kept by keep_tags",
    Reason.VERSION: "kept by keep_versions",
    Reason.LAST: "kept by keep_last",
    Reason.WITHIN: "kept by keep_within",
    Reason.UNKNOWN_DATE: "of unknown date, so kept",
    Reason.UNTAGGED: "untagged and kept",
    Reason.BELONGS: "belong to a kept image",
    Reason.SUBJECT: "have a kept image that refers to them",
    Reason.VENDOR: "protected by the registry's vendor",
    Reason.VENDOR_UNKNOWN: "perhaps protected by the registry's vendor, so kept",
    Reason.BROKEN: "broken and could not be put back, so kept",
    Reason.SUBJECT_UNREAD: "about an image that may not have been read, so kept",
    Reason.VERSION_ORDER: "pushed after a version that keep_versions takes for newer, so kept",
}
