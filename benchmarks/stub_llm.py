"""A stand-in for an OpenAI-compatible endpoint that answers after a fixed time: `stub_llm.py PORT`.

It runs in a process of its own, so that what it costs is not counted as the client's. What asks for
a question about a caption, or for a verdict on an answer, is given one that holds.
"""

import argparse
import asyncio
import hashlib
import json
from typing import Any

from aiohttp import web

_CAPTION = (
    "A ginger cat looks straight at the camera. Its eyes are green and its whiskers white. " * 4
)


def _filled(field: str, user: str) -> Any:
    """What fills the form called `field`: a text, or a question, a conversation, a verdict."""
    if field == "verdict":
        return {"evidence": user.rsplit("Answer: ", 1)[1].removesuffix(" ->"), "supported": True}
    if field not in ("question", "conversation"):
        return {field: _CAPTION}
    told = user.split("Text: ", 1)[1].split(".", 1)[0].split(" ")
    turns = [
        {"question": f"What is {_word(user, turn)}?", "answer": " ".join(told[2 * turn :])}
        for turn in range(3)
    ]
    return turns[0] if field == "question" else {"turns": turns}


def _word(user: str, turn: int) -> str:
    """A word of nonsense, another for each request."""
    digest = hashlib.blake2b(f"{turn} {user}".encode(), digest_size=8).hexdigest()
    return digest.translate(str.maketrans("0123456789", "ghijklmnop"))


def make_app(delay_s: float) -> web.Application:
    """An app whose chat completions take `delay_s` seconds and follow the schema they are sent."""

    async def complete(request: web.Request) -> web.Response:
        asked = json.loads(await request.read())
        await asyncio.sleep(delay_s)
        field = asked["response_format"]["json_schema"]["name"]
        filled = _filled(field, asked["messages"][-1]["content"] if "messages" in asked else "")
        message = {"role": "assistant", "content": json.dumps(filled)}
        usage = {"prompt_tokens": 190, "completion_tokens": 80, "total_tokens": 270}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        reply = {"id": "stub", "object": "chat.completion", "created": 0, "model": asked["model"]}
        return web.json_response({**reply, "choices": [choice], "usage": usage})

    async def health(request: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    app = web.Application()
    app.router.add_post("/v1/chat/completions", complete)
    app.router.add_get("/health", health)
    return app


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("--delay-s", type=float, default=0.2)
    options = parser.parse_args()
    app = make_app(options.delay_s)
    web.run_app(app, host="127.0.0.1", port=options.port, print=None, access_log=None)


if __name__ == "__main__":
    main()
