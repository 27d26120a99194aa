"""A server of records in threads of its own, which needs no event loop."""

from __future__ import annotations

import socketserver
import ssl
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import cast

from tests.faults.responses_on_the_wire import reply


class Server(socketserver.ThreadingTCPServer):
    """Serves records in threads of its own, whatever happens to event loops; counts its open connections."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, tls: ssl.SSLContext | None) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self.server_address[1]}"
        self.tls = tls
        self.accepted = 0
        self.is_silent = False
        self.asked, self.ended = threading.Semaphore(0), threading.Semaphore(0)


class Handler(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        server = cast(Server, self.server)
        server.accepted += 1
        connection = self.request
        try:
            if server.tls is not None:
                connection = server.tls.wrap_socket(connection, server_side=True)
            while connection.recv(65536):
                server.asked.release()
                if not server.is_silent:
                    connection.sendall(reply())
        except OSError:
            # Closed without TLS's close_notify.
            pass
        finally:
            connection.close()
            server.ended.release()


@contextmanager
def serving_in_threads(tls: ssl.SSLContext | None = None) -> Generator[Server, None, None]:
    """Run a server until the end of the block."""
    with Server(tls) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
