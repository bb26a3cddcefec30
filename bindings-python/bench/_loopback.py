"""A keep-alive server of one fixed answer in another process, for the benches: `with serving() as base`."""

from __future__ import annotations

import contextlib
import selectors
import socket
import subprocess
import sys
from collections.abc import Iterator

#: The headers of a small answer.
HEAD = [
    (b"Date", b"Sat, 21 Nov 2026 11:00:00 GMT"),
    (b"Content-Type", b"application/json"),
    (b"Content-Length", b"2"),
    (b"Server", b"stub"),
    (b"Vary", b"Accept"),
    (b"ETag", b'"x"'),
    (b"Cache-Control", b"no-store"),
    (b"X-One", b"1"),
    (b"X-Two", b"2"),
]


def serve() -> None:
    """Prints its port and answers until it is ended."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=512)
    print(listener.getsockname()[1], flush=True)
    answer = b"HTTP/1.1 200 OK\r\n" + b"".join(name + b": " + value + b"\r\n" for name, value in HEAD) + b"\r\n{}"
    ready = selectors.DefaultSelector()
    ready.register(listener, selectors.EVENT_READ)
    while True:
        for key, _ in ready.select():
            if key.fileobj is listener:
                connection, _ = listener.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                ready.register(connection, selectors.EVENT_READ)
                continue
            peer = key.fileobj
            assert isinstance(peer, socket.socket)
            try:
                if peer.recv(65536):
                    peer.sendall(answer)
                    continue
            except OSError:
                pass
            ready.unregister(peer)
            peer.close()


@contextlib.contextmanager
def serving() -> Iterator[str]:
    """Yields the base URL of a server that ends with the block."""
    server = subprocess.Popen([sys.executable, __file__], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        yield f"http://127.0.0.1:{server.stdout.readline().strip()}"
    finally:
        server.kill()
        server.wait()
        assert server.stdout is not None
        server.stdout.close()


if __name__ == "__main__":
    serve()
