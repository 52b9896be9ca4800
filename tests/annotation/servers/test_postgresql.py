"""`up --database`: the same campaign on a real PostgreSQL, whose password is in no command line."""

import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from annotation.campaign import connect, load_campaign
from annotation.home import Home
from annotation.servers.server_process import find
from annotation.servers.up import free_port
from tests.annotation.conftest import make_store
from tests.conftest import missing
from tests.tools.in_process import pixmo

pytestmark = pytest.mark.studio


class Database:
    """One PostgreSQL server in a folder of its own, with a password for its only user."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self.programs, self.folder = programs, folder
        self.port, self.password = free_port(), secrets.token_hex(8)
        # It refuses to run as root.
        self.as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []

    def start(self) -> None:
        """Make it and wait until it answers."""
        secret = self.folder / "password"
        secret.write_text(self.password, encoding="utf-8")
        if self.as_user:
            shutil.chown(self.folder, "postgres")
            shutil.chown(secret, "postgres")
        told = ("-A", "scram-sha-256", "-U", "pixmo", f"--pwfile={secret}", "--no-sync")
        self._run("initdb", "-D", self.folder / "data", *told)
        listen = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -F"
        self._run("pg_ctl", "-D", self.folder / "data", "-o", listen, "-w", "start")
        self._run("createdb", "-h", "127.0.0.1", "-p", self.port, "-U", "pixmo", "studio")

    def stop(self) -> None:
        """End it at once."""
        self._run("pg_ctl", "-D", self.folder / "data", "-m", "immediate", "stop")

    def _run(self, program: str, *words: object) -> None:
        command = [*self.as_user, str(self.programs / program), *(str(word) for word in words)]
        environment = os.environ | {"PGPASSWORD": self.password}
        subprocess.run(
            command, check=True, stdout=subprocess.DEVNULL, cwd=self.folder, env=environment
        )


@pytest.fixture
def database() -> Iterator[Database]:
    found = [*sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb")), shutil.which("initdb")]
    if not found[0]:
        missing("PostgreSQL is not installed: apt-get install postgresql")
    # Not below pytest's folders, which other users may not enter.
    with tempfile.TemporaryDirectory(prefix="pixmo-postgresql-") as folder:
        made = Database(Path(found[0]).resolve().parent, Path(folder))
        try:
            made.start()
            yield made
        finally:
            made.stop()


@pytest.mark.timeout(400)
@pytest.mark.usefixtures("same_code")
def test_a_campaign_on_postgresql(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, store = Home(tmp_path / "home"), make_store(tmp_path / "store")
    url = f"postgresql://pixmo@127.0.0.1:{database.port}/studio"
    words = ("annotate", "up", "--store", store, "--home", home.root, "--port", free_port())
    refusal = pixmo(*words, "--database", url)
    assert refusal.exit_code == 2
    assert "cannot be used" in refusal.stderr
    assert "no password supplied" in refusal.stderr
    monkeypatch.setenv("PIXMO_STUDIO_DATABASE_PASSWORD", database.password)
    try:
        assert pixmo(*words, "--database", url).exit_code == 0
        assert pixmo("annotate", "users", "add", "ada", "--home", home.root).exit_code == 0
        campaign = load_campaign(home)
        client = connect(home, campaign)
        assert {user.email for user in client.users.list()} >= {"ada@pixmo.localhost"}
        running = find(home, "studio")
        assert running
        master = psutil.Process(running.owner.pid)
        assert len(master.children()) == 2
        assert not [word for word in master.cmdline() if database.password in word]
        again = pixmo(*words[:-2])
        assert "was up already" in again.output
        assert not (home.studio / "label_studio.sqlite3").exists()
    finally:
        assert pixmo("annotate", "down", "--home", home.root).exit_code == 0
