"""What a refusal of Label Studio says, as a line: its bodies are objects, texts or pages."""

import json
import re
from typing import Any

SAID = 200  # characters of an answer that are worth showing
_UNSEEN = re.compile(r"<(style|script|head)\b.*?(</\1>|$)", re.DOTALL | re.IGNORECASE)


def said_by(body: Any) -> str:
    """What the body of a refusal says, in one short line."""
    if isinstance(body, dict):  # the form of Label Studio's own refusals
        body = body.get("validation_errors") or body.get("detail") or body
    text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False, default=str)
    seen = re.sub(r"<[^>]*>", " ", _UNSEEN.sub(" ", text))
    return re.sub(r"\s+", " ", seen).strip()[:SAID]
