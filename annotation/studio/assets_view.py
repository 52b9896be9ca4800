"""Scripts and styles of ours for Label Studio's pages, from a fixed table of names.

They hold nothing secret, and Label Studio's own lie open too, so no login is asked for.
"""

from pathlib import Path

from django.http import FileResponse, Http404, HttpRequest
from django.views.decorators.http import require_safe

FOLDER = Path(__file__).parent / "assets"
TYPES = {
    "embed.js": "text/javascript",
    "embed.css": "text/css",
    "phrases.js": "text/javascript",
    "count.js": "text/javascript",
    "ask.js": "text/javascript",
    "citations.js": "text/javascript",
    "recorder.js": "text/javascript",
    "recorder_upload.js": "text/javascript",
    "stay.js": "text/javascript",
    "recorder.css": "text/css",
}


@require_safe  # type: ignore[untyped-decorator]
def asset(request: HttpRequest, name: str) -> FileResponse:
    """One file of the table; 404 for every other name."""
    if name not in TYPES:
        raise Http404(f"no asset is called {name}")
    file = (FOLDER / name).open("rb")
    answer = FileResponse(file, content_type=f"{TYPES[name]}; charset=utf-8")
    answer["Cache-Control"] = "no-cache"
    answer["X-Content-Type-Options"] = "nosniff"
    return answer
