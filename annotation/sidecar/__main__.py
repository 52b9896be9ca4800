"""`python -m annotation.sidecar --home HOME`: the server beside Label Studio, until SIGTERM.

One process for one campaign; its log holds neither secrets nor answers.
"""

import argparse
import asyncio
import contextlib
import fcntl
import logging
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from aiohttp import web

from annotation.campaign import Campaign, load_campaign
from annotation.credentials import load_credentials
from annotation.home import Home
from annotation.sidecar.drafting import open_drafting
from annotation.sidecar.server import make_app
from schemas.errors import LockedError, PixmoError, UsageError

_END_S = 2.0  # for requests under way when the server is told to end


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until told to end; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m annotation.sidecar", description=__doc__)
    parser.add_argument("--home", type=Path, required=True, help="the campaign's folder")
    home = Home(parser.parse_args(argv).home)
    try:
        campaign = load_campaign(home)
        home.logs.mkdir(parents=True, exist_ok=True)
        _log_to(home.logs / "sidecar.log")
        with _alone(home):
            asyncio.run(_serve(home, campaign))
    except PixmoError as error:
        sys.stderr.write(f"sidecar: {error}\n")
        return error.exit_status
    return 0


async def _serve(home: Home, campaign: Campaign) -> None:
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    secret = load_credentials(home)["PIXMO_STUDIO_EVENTS"]
    async with open_drafting(home, campaign) as drafting:
        app = make_app(home, secret, drafting)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=_END_S)
        await runner.setup()
        try:
            await _listen(runner, campaign.studio.sidecar_port)
            await ended.wait()
        finally:
            await runner.cleanup()
            logging.getLogger("sidecar").info("ended")


async def _listen(runner: web.AppRunner, port: int) -> None:
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
    except OSError as error:
        raise UsageError(f"cannot listen on port {port}: {error.strerror}; free it") from error
    logging.getLogger("sidecar").info("listens on 127.0.0.1:%d, process %d", port, os.getpid())


@contextlib.contextmanager
def _alone(home: Home) -> Iterator[None]:
    """Hold the campaign's lock; two servers would serve from two memories of the turns."""
    place = home.root / "sidecar.lock"
    with place.open("a", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise LockedError(f"the sidecar of {home.root} runs already") from error
        yield


def _log_to(path: Path) -> None:
    path.touch(mode=0o600)
    logging.basicConfig(
        filename=path,
        level=logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        encoding="utf-8",
    )
    logging.getLogger("sidecar").setLevel(logging.INFO)


if __name__ == "__main__":
    sys.exit(main())
