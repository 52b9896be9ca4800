"""One real Label Studio for the whole test session, started as `pixmo annotate up` does."""

import contextlib
import dataclasses
import functools
import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from annotation.annotators import Annotator, load_annotators, save_annotators
from annotation.campaign import Campaign, connect, save_campaign
from annotation.credentials import load_credentials
from annotation.home import Home
from annotation.kinds import KINDS
from annotation.servers.launch import ADMIN, environment
from annotation.servers.server_process import inherited
from annotation.servers.studio_venv import install_studio
from annotation.servers.up import down, free_port, up
from annotation.servers.up_settings import Asked
from pipelines.steps.pseudonyms import pseudonym
from schemas.errors import MissingPart
from schemas.records import Image
from schemas.store import Store
from tests import toy_store
from tests.conftest import missing

SHARED = ("studio", "recordings", "pictures", "sounds", "logs", "code", "secrets.env")
SHARED_LOGS = ("events.jsonl", "turns.jsonl")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test's time begins after its fixtures: the first one of a machine installs Label Studio."""
    for item in items:
        own = item.get_closest_marker("timeout")
        if item.get_closest_marker("studio"):
            seconds = own.args[0] if own else 120
            item.add_marker(pytest.mark.timeout(seconds, func_only=True), append=False)


@dataclasses.dataclass
class Studio:
    """A running server: its folder, its addresses, and what tests do again and again.

    Every test makes users and projects of its own; none may rely on another's.
    """

    home: Home
    campaign: Campaign
    ask: Callable[[dict[str, Any]], dict[str, Any]]

    @property
    def url(self) -> str:
        """Its address, without a slash at the end."""
        return self.campaign.studio.url

    @functools.cached_property
    def sdk(self) -> Any:
        """label_studio_sdk.LabelStudio as the service account."""
        return connect(self.home, self.campaign)

    @property
    def token(self) -> str:
        """The service account's token, for `Authorization: Token ...`."""
        return load_credentials(self.home)["PIXMO_STUDIO_TOKEN"]

    def password(self, name: str) -> str:
        """What `name` logs in with."""
        if name == "admin":
            return load_credentials(self.home)["PIXMO_STUDIO_PASSWORD"]
        return f"password of {name}"

    @staticmethod
    def email(name: str) -> str:
        """The login of a name."""
        return ADMIN if name == "admin" else f"{name}@pixmo.localhost"

    def add_user(self, name: str) -> int:
        """An annotator's account, made once; its number."""
        email = self.email(name)
        wanted = {"email": email, "password": self.password(name), "name": name}
        number = int(self.ask({"users": [wanted]})["users"][email])
        salt = load_credentials(self.home)["PIXMO_ANNOTATOR_SALT"]
        known = load_annotators(self.home)
        known[number] = Annotator(email, name, number, pseudonym(name, salt))
        save_annotators(self.home, known)
        return number

    def login(self, page: Any, name: str) -> None:
        """Log a playwright page in as "admin" or as an annotator."""
        page.goto(f"{self.url}/user/login/")
        page.fill("#email", self.email(name))
        page.fill("#password", self.password(name))
        page.click("button[type=submit]")
        page.wait_for_url(lambda url: "/user/login" not in url)

    def make_project(self, kind: str, title: str = "", **settings: Any) -> int:
        """A project with the page of a kind (or `label_config=`), without tasks; its number."""
        settings = {"label_config": KINDS[kind].label_config} | settings
        return int(self.sdk.projects.create(title=title or f"test {kind}", **settings).id)

    def home_for(self, store: str, folder: Path) -> Home:
        """A second home in `folder` for another store on this server, with projects of its own.

        Sound, pictures, secrets and logs are the server's; projects.json and gold start empty, and
        annotators.json has whoever was added until now.
        """
        folder.mkdir(parents=True, exist_ok=True)
        for name in (*SHARED, *SHARED_LOGS):
            (folder / name).symlink_to(self.home.root / name)
        home = Home(folder)
        home.make()
        save_annotators(home, load_annotators(self.home))
        save_campaign(home, dataclasses.replace(self.campaign, store=store))
        return home


def make_store(folder: Path) -> str:
    """A store with one picture; its URL."""
    picture = toy_store.image("first.png", toy_store.picture(1))
    toy_store.put(Store(str(folder)), "images", 0, Image, [picture])
    return str(folder)


@pytest.fixture
def same_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers do not look old when somebody edits a file while the test runs."""
    for module in ("launch", "sidecar_process"):
        monkeypatch.setattr(f"annotation.servers.{module}.code_state", lambda: "same")


@contextlib.contextmanager
def preparing(
    home: Home, campaign: Campaign
) -> Iterator[Callable[[dict[str, Any]], dict[str, Any]]]:
    """`annotation.studio.prepare` kept open, so that an account takes no five seconds."""
    process = subprocess.Popen(
        [str(install_studio()), "-m", "annotation.studio.prepare"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=inherited() | environment(home, campaign.studio),
        cwd=home.root,
    )
    with process as process:
        assert process.stdin
        assert process.stdout
        reading, writing = process.stdout, process.stdin

        def ask(asked: dict[str, Any]) -> dict[str, Any]:
            print(json.dumps(asked), file=writing, flush=True)
            answer = next(line for line in reading if line.startswith("{"))
            return dict(json.loads(answer))

        yield ask
        writing.close()


@pytest.fixture(scope="session")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """A real server on a temporary home; installed on first use, ended at the end."""
    folder = tmp_path_factory.mktemp("studio")
    home = Home(folder / "home")
    try:
        standing = up(home, Asked(make_store(folder / "store"), port=free_port()))
    except MissingPart as error:
        missing(str(error))
    try:
        with preparing(home, standing.campaign) as ask:
            yield Studio(home, standing.campaign, ask)
    finally:
        down(home)
