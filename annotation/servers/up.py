"""`pixmo annotate up` and `down`: the servers of a campaign, started and ended as one."""

import contextlib
import dataclasses
import socket
import time
from collections.abc import Iterator

from annotation.annotators import remember_accounts
from annotation.campaign import Campaign, load_campaign, save_campaign
from annotation.credentials import load_credentials
from annotation.home import Home
from annotation.servers.launch import (
    ADMIN,
    SERVICE,
    link_code,
    place_template,
    prepare,
    studio_server,
)
from annotation.servers.server_process import (
    Server,
    answers,
    find,
    launch,
    record_of,
    stop,
    wait_until_healthy,
)
from annotation.servers.sidecar_process import sidecar_server
from annotation.servers.studio_venv import Say, alone, install_studio, silent
from annotation.servers.up_settings import Asked, plan_campaign
from schemas.errors import StageError, UsageError

NAMES = ("studio", "sidecar")
FREE_S = 10.0


@dataclasses.dataclass(frozen=True)
class Standing:
    """A campaign whose servers are healthy; `began` names those that this call started."""

    campaign: Campaign
    began: tuple[str, ...]


def up(home: Home, asked: Asked, say: Say = silent) -> Standing:
    """Start what does not run, or runs with other settings or older code, and wait for it.

    UsageError for wrong flags and busy ports, MissingPart when Label Studio cannot be installed,
    StageError when a server does not start.
    """
    plan_campaign(home, asked)
    with only_one(home, say):
        campaign = _with_sidecar_port(home, plan_campaign(home, asked))
        home.make()
        link_code(home)
        load_credentials(home)
        install_studio(say)
        servers = (studio_server(home, campaign.studio), sidecar_server(home, campaign))
        began = [server for server in servers if not _stands(home, server)]
        for server in began:
            _make_room(home, server)
        if servers[0] in began:
            _make_ready(home, campaign, say)
        save_campaign(home, campaign)
        _begin(home, began, say)
    return Standing(campaign, tuple(server.name for server in began))


def down(home: Home) -> tuple[str, ...]:
    """End what runs, Label Studio first; the names of what ran."""
    with only_one(home, silent):
        return tuple(name for name in NAMES if stop(home, name))


@contextlib.contextmanager
def only_one(home: Home, say: Say) -> Iterator[None]:
    """Hold the campaign's folder: one `up`, `down` or change of accounts at a time."""
    home.root.mkdir(parents=True, exist_ok=True)
    home.root.chmod(0o700)
    with alone(home.root / ".lock", "another command works on this campaign", say):
        yield


def _stands(home: Home, server: Server) -> bool:
    running = find(home, server.name)
    same = running is not None and running.fingerprint == server.fingerprint
    return same and answers(server.health_url)


def _make_ready(home: Home, campaign: Campaign, say: Say) -> None:
    """The database up to date, with the accounts of the coordinator and of our commands."""
    place_template(home, campaign.studio, say)
    secrets = load_credentials(home)
    admin = {"email": ADMIN, "password": secrets["PIXMO_STUDIO_PASSWORD"], "name": "admin"}
    service = {"email": SERVICE, "password": None, "name": "service"}
    users = [
        {**admin, "staff": True},
        {**service, "staff": True, "token": secrets["PIXMO_STUDIO_TOKEN"]},
    ]
    asked = {"migrate": True, "users": users, **_moved(home, campaign)}
    remember_accounts(home, prepare(home, campaign.studio, asked)["users"])


def _moved(home: Home, campaign: Campaign) -> dict[str, object]:
    """What Label Studio has to be told when our own server is no longer where it was."""
    before = load_campaign(home).studio if home.campaign.exists() else campaign.studio
    if before.sidecar_port == campaign.studio.sidecar_port:
        return {}
    return {"moved": {"from": before.sidecar_url, "to": campaign.studio.sidecar_url}}


def _begin(home: Home, servers: list[Server], say: Say) -> None:
    begun = [(server, launch(home, server)) for server in servers]
    try:
        for server, running in begun:
            say(f"starting {server.name}")
            wait_until_healthy(home, server, running)
    except StageError:
        for name in NAMES:
            stop(home, name)
        raise


def _with_sidecar_port(home: Home, campaign: Campaign) -> Campaign:
    """With a port for our own server: the one it has, unless another program took it meanwhile."""
    port = campaign.studio.sidecar_port
    if not port or (find(home, "sidecar") is None and not _is_free(port, FREE_S)):
        nearby = campaign.studio.port + 1
        port = nearby if nearby < 65536 and _is_free(nearby) else free_port()
    studio = dataclasses.replace(campaign.studio, sidecar_port=port)
    return dataclasses.replace(campaign, studio=studio)


def _make_room(home: Home, server: Server) -> None:
    """End what stands there before; it goes on when its successor's port belongs to another."""
    running = find(home, server.name)
    if running is None:  # workers of a killed master let go of its port within a second or two
        _need_port(home, server.port, FREE_S if record_of(home, server.name).exists() else 0.5)
    elif running.port != server.port:
        _need_port(home, server.port)
    if stop(home, server.name):
        _need_port(home, server.port, FREE_S)


def _need_port(home: Home, port: int, wait_s: float = 0.0) -> None:
    if _is_free(port, wait_s):
        return
    other = "a Label Studio" if answers(f"http://127.0.0.1:{port}/user/login/") else "a program"
    raise UsageError(
        f"port {port} of this machine is busy: {other} that is not of the campaign in {home.root} "
        "listens there; end it, or choose another port with --port"
    )


def _is_free(port: int, wait_s: float = 0.0) -> bool:
    deadline = time.monotonic() + wait_s
    while True:
        with contextlib.closing(socket.socket()) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return True
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.2)


def free_port() -> int:
    """A port of the loopback interface that nothing listens on now."""
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
