"""The server's own limit, measured by `wrk` with the requests that the crawl makes.

By GET: wrk waits for the body that a HEAD only announces. A registry does the same work for both, and the bodies
are small.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

from registry_core.media_types import MANIFEST_ACCEPT

_SCRIPT = """
local paths, at = {}, 0
for line in io.lines(%r) do paths[#paths + 1] = line end
function request()
  at = at %% #paths + 1
  return wrk.format("GET", paths[at])
end
"""


def requests_per_second(address: str, paths: Iterable[str], *, connections: int = 16, seconds: int = 6) -> float:
    """How many of these the server answers in a second, whatever the client costs. Raises SystemExit without wrk."""
    wrk = shutil.which("wrk")
    if wrk is None:
        raise SystemExit("install wrk (Debian) to measure the server's own limit")
    with tempfile.TemporaryDirectory() as folder:
        listed, script = Path(folder, "paths"), Path(folder, "requests.lua")
        listed.write_text("\n".join(paths))
        script.write_text(_SCRIPT % str(listed))
        command = [wrk, "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(script)]
        command += ["-H", f"Accept: {MANIFEST_ACCEPT}", address]
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", output)
    if refused:
        raise SystemExit(f"{refused[1]} of wrk's requests were refused:\n{output}")
    found = re.search(r"Requests/sec:\s*([\d.]+)", output)
    if not found:
        raise SystemExit(f"wrk told no rate:\n{output}")
    return float(found[1])
