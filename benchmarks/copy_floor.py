"""What nobody who copies over sockets and proves digests can leave out: receive, hash, send. Prints JSON.

One thread takes bytes from one loopback socket, hashes them and gives them to another: no HTTP, no registry. Its
processor time is the floor beneath every client that the benchmark measures, on the machine as it is now.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import resource
import socket
import sys

_PIECE_BYTES = 256 * 1024


def main() -> None:
    size_bytes = int(sys.argv[1])
    here, far = _pair(_feed, size_bytes)
    there, drain = _pair(_drain, size_bytes)
    hashed, buffer = hashlib.sha256(), memoryview(bytearray(_PIECE_BYTES))
    before = _processor_seconds()
    passed = 0
    while passed < size_bytes:
        received = here.recv_into(buffer, 0, socket.MSG_WAITALL)
        if not received:
            raise SystemExit(f"the floor ended after {passed} of {size_bytes} bytes")
        hashed.update(buffer[:received])
        there.sendall(buffer[:received])
        passed += received
    used = _processor_seconds() - before
    here.close()
    there.close()
    for process in (far, drain):
        process.join()
    print(json.dumps({"cpu_seconds": used, "cpu_seconds_per_gb": used / size_bytes * 1e9}))


def _pair(do, size_bytes: int) -> tuple[socket.socket, multiprocessing.process.BaseProcess]:  # type: ignore[no-untyped-def]
    """A connection over loopback TCP to a process that feeds or drains it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        process = multiprocessing.get_context("spawn").Process(target=do, args=(server.getsockname(), size_bytes))
        process.start()
        return server.accept()[0], process


def _feed(address: tuple[str, int], size_bytes: int) -> None:
    piece = bytes(_PIECE_BYTES)
    with socket.create_connection(address) as peer:
        for start in range(0, size_bytes, _PIECE_BYTES):
            peer.sendall(piece[: size_bytes - start])


def _drain(address: tuple[str, int], size_bytes: int) -> None:
    buffer = bytearray(_PIECE_BYTES)
    with socket.create_connection(address) as peer:
        while peer.recv_into(buffer):
            pass


def _processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
