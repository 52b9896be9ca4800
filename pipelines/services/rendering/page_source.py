"""What a page may load: the document and the files beside it, from memory, and nothing else.

Every request of the browser stops here before it leaves (`Fetch.requestPaused`). The names below
exist nowhere; `.invalid` is kept free for that (RFC 2606).
"""

import base64
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

from pipelines.services.rendering.cdp import CdpPipe

ORIGIN = "https://document.invalid"
DOCUMENT = f"{ORIGIN}/"
# For a document without scripts: none runs, wherever it hides. For our tools' pages the same.
NO_SCRIPTS = "script-src 'none'; object-src 'none'; worker-src 'none'"


@dataclass
class PageSource:
    """What is served now; `document` once per picture, so that a page cannot load itself again."""

    document: bytes | None = None
    policy: str = ""
    files: Mapping[str, bytes] = field(default_factory=dict)

    def serve(self, pipe: CdpPipe, session: str, event: Mapping[str, Any]) -> None:
        """Answer one request of the browser: what is here, or a refusal."""
        request, number = event.get("request", {}), event.get("requestId", "")
        url, navigates = str(request.get("url", "")), event.get("resourceType") == "Document"
        if url == DOCUMENT and navigates and self.document is not None:
            body, self.document = self.document, None
            headers = {"Content-Type": "text/html; charset=utf-8"}
            if self.policy:
                headers["Content-Security-Policy"] = self.policy
            _fulfil(pipe, session, number, body, headers)
            return
        name = self.name_of(url)
        if name in self.files and not navigates:
            kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
            headers = {"Content-Type": kind, "Access-Control-Allow-Origin": "*"}
            _fulfil(pipe, session, number, self.files[name], headers)
        else:
            # Aborted, because a refused navigation would put an error page in the document's place.
            reason = "Aborted" if navigates else "BlockedByClient"
            pipe.send("Fetch.failRequest", session, requestId=number, errorReason=reason)

    def name_of(self, url: str) -> str:
        """The file's name that a URL of our origin means, else an empty string."""
        try:
            parts = urlsplit(url)
        except ValueError:
            return ""
        ours = f"{parts.scheme}://{parts.netloc}" == ORIGIN
        return unquote(parts.path.removeprefix("/")) if ours else ""


def _fulfil(
    pipe: CdpPipe, session: str, number: str, body: bytes, headers: Mapping[str, str]
) -> None:
    pipe.send(
        "Fetch.fulfillRequest",
        session,
        requestId=number,
        responseCode=200,
        responseHeaders=[
            {"name": name, "value": value}
            for name, value in {**headers, "Cache-Control": "no-store"}.items()
        ],
        body=base64.b64encode(body).decode("ascii"),
    )
