"""A server of plain sockets that writes given bytes, for tests of what a client sends and how it leaves."""

from __future__ import annotations

import contextlib
import datetime
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

#: Bytes to send, or a function that uses the connection before it ends.
Answer = bytes | Callable[[socket.socket], None]


@dataclass
class Seen:
    """A request as it was received."""

    connection: int
    line: str
    headers: dict[str, str]
    body: bytes = b""

    @property
    def path(self) -> str:
        """Returns the target of the request line; empty if the bytes are no HTTP, as those of a TLS hello."""
        words = self.line.split()
        return words[1] if len(words) > 1 else ""


def reply(status: int, body: bytes = b"{}", **headers: str) -> bytes:
    """Makes an answer of a declared length; `Retry_After="1"` is a header."""
    lines = [f"HTTP/1.1 {status} Said", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


OK = reply(200, b'{"well":true}', Content_Type="application/json")
BUSY = reply(503, b"busy")
#: An answer of 400,000 bytes in chunks, without a declared length.
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    + b"".join(b"9c40\r\n" + b"x" * 40_000 + b"\r\n" for _ in range(10))
    + b"0\r\n\r\n"
)


def reset(connection: socket.socket) -> None:
    """Resets the connection: the request is lost."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def close(connection: socket.socket) -> None:
    """Ends the connection without an answer."""


def cut(answer: bytes) -> Answer:
    """Returns all but the last bytes of an answer."""

    def send(connection: socket.socket) -> None:
        connection.sendall(answer[:-1])

    return send


def silence(connection: socket.socket) -> None:
    """Sends nothing until the client leaves."""
    connection.recv(1)


def then_silence(answer: bytes) -> Answer:
    """Sends the beginning of an answer, then nothing until the client leaves."""

    def send(connection: socket.socket) -> None:
        connection.sendall(answer)
        connection.recv(1)

    return send


def dribble(answer: bytes, every: float = 0.05, head: bytes = b"") -> Answer:
    """Sends `head` at once, then a byte now and then."""

    def send(connection: socket.socket) -> None:
        connection.sendall(head)
        for byte in answer:
            connection.sendall(bytes([byte]))
            time.sleep(every)

    return send


def server_side(folder: Path, host: str = "localhost", ended: int = -1) -> tuple[ssl.SSLContext, str]:
    """Makes TLS for a host, and the file with the certificate to trust, which expired `ended` days ago."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=9))
        .not_valid_after(now - datetime.timedelta(days=ended))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = folder / f"{host}.pem"
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file.write_bytes(secret + certificate.public_bytes(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context, str(file)


@dataclass
class Wire:
    """A server that answers one request after the other, over all connections; with `then` when no more are left.

    `paths`: the answers to paths with these beginnings, every time.
    """

    answers: list[Answer] = field(default_factory=list)
    then: Answer = OK
    tls: ssl.SSLContext | None = None
    #: The number of requests whose bodies are not read.
    unread: int = 0
    paths: dict[str, Answer] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.seen: list[Seen] = []
        self.open = 0
        self.accepted = 0
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=200)
        port = self._listener.getsockname()[1]
        self.base = f"https://localhost:{port}" if self.tls else f"http://127.0.0.1:{port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self.accepted += 1
                self.open += 1
                number = self.accepted
            threading.Thread(target=self._serve, args=(number, connection), daemon=True).start()

    def _serve(self, number: int, connection: socket.socket) -> None:
        try:
            if self.tls:
                connection = self.tls.wrap_socket(connection, server_side=True)
            with connection, connection.makefile("rb") as file:
                while (seen := _head(number, file.readline)) is not None:
                    with self._lock:
                        self.unread -= 1
                        read = self.unread < 0
                    if read:
                        seen.body = _body(seen.headers, file.readline, file.read)
                    with self._lock:
                        self.seen.append(seen)
                        answer = self._answer(seen.path)
                    if isinstance(answer, bytes):
                        connection.sendall(answer)
                    else:
                        answer(connection)
                        return
        except (OSError, ValueError):
            pass
        finally:
            connection.close()
            with self._lock:
                self.open -= 1

    def _answer(self, path: str) -> Answer:
        for start, answer in self.paths.items():
            if path.startswith(start):
                return answer
        return self.answers.pop(0) if self.answers else self.then

    def settled(self, count: int) -> bool:
        """Returns whether so many connections are open within a second."""
        end = time.monotonic() + 1
        while self.open != count and time.monotonic() < end:
            time.sleep(0.005)
        return self.open == count

    def leave(self) -> None:
        """Closes the port. Connections stay open."""
        # Closing alone does not end `accept`.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.leave()


def _head(number: int, line: Callable[[], bytes]) -> Seen | None:
    first = line().decode("latin-1").strip()
    if not first:
        return None
    headers: dict[str, str] = {}
    while named := line().decode("latin-1").strip():
        name, _, value = named.partition(": ")
        headers[name.lower()] = value
    return Seen(number, first, headers)


def _body(headers: dict[str, str], line: Callable[[], bytes], read: Callable[[int], bytes]) -> bytes:
    if headers.get("transfer-encoding") != "chunked":
        return read(int(headers.get("content-length", "0")))
    body = b""
    while size := int(line(), 16):
        body += read(size)
        line()
    line()
    return body
