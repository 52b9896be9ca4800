"""The base of the small HTTP servers of the tests: threads, and quiet about clients that leave."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from typing import Any, TypeVar


class LoopbackServer(ThreadingHTTPServer):
    """A client may hang up at any time; every other error of a handler is printed as usual.

    What is printed here lands in the output of a command that runs in the same process, where
    a test takes it for a traceback of that command.
    """

    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Called by the standard library in the block that caught the error."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    @property
    def endpoint(self) -> str:
        """ADDRESS:PORT."""
        return f"127.0.0.1:{self.server_address[1]}"


Served = TypeVar("Served", bound=LoopbackServer)


@contextmanager
def serving(server: Served) -> Iterator[Served]:
    """The server while the block lasts."""
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
