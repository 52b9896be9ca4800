"""The base of the small HTTP servers of the tests: threads, and quiet about clients that leave."""

import sys
from http.server import ThreadingHTTPServer
from typing import Any


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
