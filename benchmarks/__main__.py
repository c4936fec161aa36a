"""Every benchmark, one after the other: `make benchmark`. Each says what it needs, and prints ratios of its own run."""

from __future__ import annotations

import subprocess
import sys

BENCHMARKS = ("crawl", "survey", "decide", "delete", "copy", "events")


def main() -> int:
    """Run those that were named, else all; the exit code is that of the worst."""
    chosen = sys.argv[1:] or BENCHMARKS
    unknown = [name for name in chosen if name not in BENCHMARKS]
    if unknown:
        print(f"no benchmark is called {', '.join(unknown)}; there are: {', '.join(BENCHMARKS)}", file=sys.stderr)
        return 2
    worst = 0
    for name in chosen:
        print(f"\n## {name}\n", flush=True)
        worst = max(worst, subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False).returncode)
    return worst


if __name__ == "__main__":
    sys.exit(main())
