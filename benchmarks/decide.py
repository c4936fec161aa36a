"""How long deciding takes, reasons included, against a bare newest-N-and-used rule in the same run.

    python -m benchmarks.decide 400000
    python -m benchmarks.decide 5000000

Each measurement runs in a process of its own, so that its peak of memory is its own. The registry is made up and
the same each time: 2,000 tags a repository, one image in ten an index of two platforms and an attestation, one in
twenty signed, dates of the last two years, 50,000 uses. Times depend on what else the machine does: ratios do less.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from datetime import UTC, datetime

import numpy as np
import pandas as pd

from registry_core.catalog import CHILD_COLUMNS, IMAGE_COLUMNS, TAG_COLUMNS, CatalogFrames
from registry_core.policy import read_policies
from registry_core.retention import decide
from registry_core.retention_evidence import Evidence
from registry_core.usage import UNRESOLVED_COLUMNS, USAGE_COLUMNS, UsageFrames

AS_OF = datetime(2026, 4, 1, tzinfo=UTC)
TAGS_PER_REPOSITORY = 2_000
USES = 50_000
INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"

POLICIES = [
    {"repositories": ["base/**"], "protect": True},
    {
        "repositories": ["**"],
        "keep_tags": ["stable", "release-*"],
        "keep_last": 3,
        "keep_within": "30d",
        "keep_in_use": {"seen_within": "31d", "rollbacks": 2},
        "keep_versions": {"pattern": "v{semver}", "last": 3, "per": "minor"},
        "untagged": {"keep_within": "7d"},
        "when_unused": "evict",
    },
]


def make_registry(tags: int) -> tuple[CatalogFrames, UsageFrames]:
    random = np.random.default_rng(1)
    number = np.arange(tags)
    names = [f"team/app-{place}" for place in range(tags // TAGS_PER_REPOSITORY + 1)]
    repository = np.array(names, dtype=object)[number // TAGS_PER_REPOSITORY]
    is_index, is_signed = number % 10 == 0, number % 20 == 3
    digests = _digests(tags, offset=0)
    age = random.integers(0, 730 * 86_400, tags).astype("timedelta64[s]")
    pushed = np.datetime64(AS_OF.replace(tzinfo=None), "us") - age
    texts = [f"v1.{n % 40}.{n}" if n % 3 else f"build-{n}" for n in range(tags)]

    parts = int(is_index.sum()) * 3
    part_digests = _digests(parts, offset=tags)
    signatures = int(is_signed.sum())
    signature_digests = _digests(signatures, offset=tags + parts)
    signature_tags = [f"{digest.replace(':', '-')}.sig" for digest in digests[is_signed]]

    images = pd.DataFrame(
        {
            "repository": np.concatenate([repository, np.repeat(repository[is_index], 3), repository[is_signed]]),
            "digest": np.concatenate([digests, part_digests, signature_digests]),
            "media_type": pd.Categorical.from_codes(
                np.concatenate([is_index, np.zeros(parts + signatures, dtype=bool)]).astype(np.int8), [MANIFEST, INDEX]
            ),
            "pushed_at": _utc(np.concatenate([pushed, np.repeat(pushed[is_index], 3), pushed[is_signed]])),
        }
    )
    for column in IMAGE_COLUMNS:
        if column.endswith("_at") and column != "pushed_at":
            images[column] = _utc(np.full(len(images), np.datetime64("NaT"), dtype="datetime64[us]"))
        elif column.endswith("_bytes") or column == "layers":
            images[column] = np.int64(1_000)
        elif column not in images:
            images[column] = pd.Categorical.from_codes(np.full(len(images), -1, dtype=np.int8), ["corrupt"])
    tag_frame = pd.DataFrame(
        {
            "repository": np.concatenate([repository, repository[is_signed]]),
            "tag": np.array(texts + signature_tags, dtype=object),
            "digest": np.concatenate([digests, signature_digests]),
        }
    ).reindex(columns=TAG_COLUMNS)
    children = pd.DataFrame(
        {"digest": np.repeat(digests[is_index], 3), "child": part_digests, "position": np.tile([0, 1, 2], parts // 3)}
    ).reindex(columns=CHILD_COLUMNS)
    catalog = CatalogFrames("benchmark", tags=tag_frame, images=images[list(IMAGE_COLUMNS)], children=children)

    used = random.integers(0, tags, USES)
    usage = pd.DataFrame({"repository": repository[used], "digest": digests[used]}).reindex(columns=USAGE_COLUMNS)
    usage["cluster"], usage["namespace"], usage["owner_name"], usage["pods"] = "production", "team", "web", 3
    usage["last_seen_at"] = pd.Timestamp(AS_OF)
    return catalog, UsageFrames("benchmark", usage, pd.DataFrame(columns=list(UNRESOLVED_COLUMNS)))


def _digests(count: int, *, offset: int) -> np.ndarray:
    return np.array(
        [f"sha256:{n * 2654435761 % 2**64:016x}{n:048x}" for n in range(offset, offset + count)], dtype=object
    )


def _utc(values: np.ndarray) -> pd.Series:
    return pd.Series(values).dt.tz_localize("UTC")


def bare_rule(catalog: CatalogFrames, usage: UsageFrames) -> int:
    """Newest three of each repository, and what is used: no graph, no reasons, no dates that lie."""
    joined = catalog.tags[["repository", "tag", "digest"]].merge(
        catalog.images[["repository", "digest", "pushed_at"]], on=["repository", "digest"]
    )
    joined = joined.sort_values(["repository", "pushed_at"], ascending=[True, False])
    newest = joined.groupby("repository", sort=False).cumcount() < 3
    used = joined["digest"].isin(usage.usage["digest"])
    return int((~(newest | used)).sum())


def measure(what: str, tags: int) -> dict[str, float]:
    catalog, usage = make_registry(tags)
    before = _peak_bytes()
    start, processor = time.perf_counter(), time.process_time()
    figures: dict[str, float] = {}
    if what == "bare":
        figures["evicted"] = bare_rule(catalog, usage)
        figures["seconds"] = time.perf_counter() - start
    else:
        decisions = decide(read_policies(POLICIES), catalog, usage, evidence=Evidence.at(AS_OF))
        figures["evicted"] = int(decisions.evicted.sum())
        figures["seconds"] = time.perf_counter() - start
        if what == "words":
            texts = decisions.words.of_many(np.arange(len(decisions.reasons)))
            figures["words_seconds"] = time.perf_counter() - start - figures["seconds"]
            figures["texts"] = len(texts)
    figures["processor_seconds"] = time.process_time() - processor
    figures["input_bytes"], figures["peak_bytes"] = before, _peak_bytes()
    figures["images"] = len(catalog.images)
    return figures


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main(tags: int) -> None:
    print(f"{tags:,} tags\n")
    print("| what | seconds | ratio to the bare rule | peak MB | of it input MB |")
    print("|---|---|---|---|---|")
    bare = 1.0
    for what, title in (
        ("bare", "bare newest-3-and-used rule"),
        ("decide", "decide"),
        ("words", "words of all images"),
    ):
        command = [sys.executable, "-m", "benchmarks.decide", "--measure", what, str(tags)]
        figures = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        seconds = figures.get("words_seconds", figures["seconds"])
        bare = seconds if what == "bare" else bare
        peak, held = figures["peak_bytes"] / 1e6, figures["input_bytes"] / 1e6
        print(f"| {title} | {seconds:.2f} | {seconds / bare:.1f} | {peak:,.0f} | {held:,.0f} |", flush=True)
    print(f"\n{int(figures['images']):,} images, of which {int(figures['evicted']):,} may go")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        print(json.dumps(measure(sys.argv[2], int(sys.argv[3]))))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 400_000)
