"""A server of HTTP/2 over plain sockets, by the package h2. A function of the test acts on each stream."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions


@dataclass
class Stream:
    """A request: its connection, its stream there, and its number at the server."""

    connection: int
    number: int
    nth: int
    method: str
    h2: h2.connection.H2Connection
    #: What the server does with the connection after it has sent all; None = nothing.
    after: Callable[[socket.socket], None] | None = None


Act = Callable[[Stream], None]


def answer(stream: Stream, body: bytes = b"{}") -> None:
    """Answers with 200."""
    stream.h2.send_headers(stream.number, [(":status", "200"), ("content-length", str(len(body)))])
    stream.h2.send_data(stream.number, body, end_stream=True)


@dataclass
class H2Wire:
    """A server that calls `act` for each request, after its body has come."""

    act: Act = answer
    #: After so many requests of one connection it sends GOAWAY and ignores later streams; 0 = never.
    leaves_after: int = 0
    #: Whether its first connection sends GOAWAY with the first answer and its settings in one packet, and stays open.
    hasty: bool = False
    seen: list[Stream] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self.accepted = 0
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=200)
        self.base = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.accepted += 1
                threading.Thread(target=self._serve, args=(self.accepted, connection), daemon=True).start()

    def _serve(self, number: int, connection: socket.socket) -> None:
        state = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
        state.initiate_connection()
        methods: dict[int, str] = {}
        stream: Stream | None = None
        with connection, contextlib.suppress(OSError, h2.exceptions.ProtocolError):
            hasty = self.hasty and number == 1
            if not hasty:
                connection.sendall(state.data_to_send())
            while data := connection.recv(65536):
                for event in state.receive_data(data):
                    if isinstance(event, h2.events.RequestReceived):
                        headers = {str(name): str(value) for name, value in event.headers}
                        methods[event.stream_id] = headers[":method"]
                    if isinstance(event, h2.events.StreamEnded):
                        with self._lock:
                            stream = Stream(number, event.stream_id, len(self.seen), methods[event.stream_id], state)
                            self.seen.append(stream)
                        self.act(stream)
                        if hasty:
                            state.close_connection(last_stream_id=event.stream_id)
                        if self.leaves_after and len(methods) >= self.leaves_after:
                            state.close_connection(last_stream_id=event.stream_id)
                            connection.sendall(state.data_to_send())
                            return
                connection.sendall(state.data_to_send())
                if hasty and stream is not None:
                    # The connection stays open: later bytes are read and belong to no stream.
                    while connection.recv(65536):
                        pass
                    return
                if stream is not None and stream.after is not None:
                    after, stream.after = stream.after, None
                    after(connection)
        connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
