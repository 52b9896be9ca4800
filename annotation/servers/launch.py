"""How Label Studio is started with our settings: its command, its environment, its database.

It runs behind gunicorn in an environment of its own (`studio_venv`), and gets what it has to know
through environment variables; secrets are never arguments.
"""

import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from annotation.campaign import StudioConfig
from annotation.credentials import load_credentials
from annotation.home import Home
from annotation.servers.server_process import (
    PACKAGES,
    Server,
    code_state,
    inherited,
)
from annotation.servers.studio_venv import Say, alone, install_studio, silent
from schemas.errors import StageError, UsageError

ADMIN = "admin@pixmo.localhost"
SERVICE = "service@pixmo.localhost"
SQLITE = "label_studio.sqlite3"

# On SQLite one process with threads waits for the one writer; PostgreSQL takes two of them.
ON_SQLITE = ("--workers", "1", "--threads", "8")
ON_POSTGRESQL = ("--workers", "2", "--threads", "4")


def link_code(home: Home) -> None:
    """Links to our packages in a folder of their own: ours and Label Studio's must not mix."""
    home.code.mkdir(exist_ok=True)
    root = Path(__file__).resolve().parents[2]
    for name in PACKAGES:
        link = home.code / name
        link.unlink(missing_ok=True)
        link.symlink_to(root / name)


def environment(home: Home, config: StudioConfig) -> dict[str, str]:
    """What Label Studio is told; nothing of it calls the outside."""
    secrets = load_credentials(home)
    return {
        "PYTHONPATH": str(home.code),
        "DJANGO_SETTINGS_MODULE": "annotation.studio.settings",
        "LABEL_STUDIO_BASE_DATA_DIR": str(home.studio),
        "LABEL_STUDIO_HOST": config.public_url,
        "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true",
        "LABEL_STUDIO_DISABLE_SIGNUP_WITHOUT_LINK": "true",
        "COLLECT_ANALYTICS": "false",
        "LATEST_VERSION_CHECK": "false",
        "SENTRY_DSN": "",
        "FRONTEND_SENTRY_DSN": "",
        "SSRF_PROTECTION_ENABLED": "false",
        "ML_BLOCK_LOCAL_IP": "false",
        "DEBUG": "false",
        "LOG_LEVEL": "WARNING",
        "PYTHONWARNINGS": "ignore:Accessing the database during app:RuntimeWarning",
        "PIXMO_HOME": str(home.root),
        "PIXMO_PUBLIC_URL": config.public_url,
        "PIXMO_STUDIO_EVENTS": secrets["PIXMO_STUDIO_EVENTS"],
        **_database(config, secrets.get("PIXMO_STUDIO_DATABASE_PASSWORD", "")),
    }


def _database(config: StudioConfig, password: str) -> dict[str, str]:
    if not config.database:
        return {"DJANGO_DB": "sqlite"}
    parts = urlsplit(config.database)
    return {
        "DJANGO_DB": "default",
        "POSTGRE_NAME": parts.path.lstrip("/"),
        "POSTGRE_USER": parts.username or "",
        "POSTGRE_PASSWORD": password,
        "POSTGRE_HOST": parts.hostname or "",
        "POSTGRE_PORT": str(parts.port or 5432),
    }


def studio_server(home: Home, config: StudioConfig) -> Server:
    """Label Studio behind gunicorn, on the loopback interface alone."""
    command = (
        *(str(install_studio()), "-m", "gunicorn", "annotation.studio.wsgi:application"),
        *("--bind", f"127.0.0.1:{config.port}", "--timeout", "180", "--graceful-timeout", "10"),
        *("--preload", "--no-control-socket"),
        *(ON_POSTGRESQL if config.database else ON_SQLITE),
    )
    told = environment(home, config) | {"PIXMO_CODE": code_state()}
    return Server("studio", command, told, f"{config.url}/pixmo/health")


def prepare(home: Home, config: StudioConfig, asked: dict[str, Any]) -> dict[str, Any]:
    """Run `annotation.studio.prepare` in Label Studio's environment; what it answers.

    UsageError when the database lets nobody in, StageError when Label Studio itself fails.
    """
    done = subprocess.run(
        [str(install_studio()), "-m", "annotation.studio.prepare"],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        env=inherited() | environment(home, config),
        cwd=home.root,
        umask=0o077,
    )
    where = config.database or home.studio / SQLITE
    if done.returncode:
        tail = "\n".join(done.stderr.splitlines()[-8:])
        raise StageError(f"Label Studio's database {where} could not be prepared:\n{tail}")
    answer = dict(json.loads(done.stdout.strip().splitlines()[-1]))
    if "refused" in answer:
        raise UsageError(f"the database {where} cannot be used: {answer['refused']}")
    return answer


def place_template(home: Home, config: StudioConfig, say: Say = silent) -> None:
    """Give a new home on SQLite a copy of the migrated, empty database beside the environment.

    The first home of a machine makes that copy, whole or not at all; making it takes a minute.
    """
    database = home.studio / SQLITE
    if config.database:
        say("bringing the database's tables up to date; a new one takes a minute")
        return
    if database.exists():
        return
    template = install_studio().parent.parent / "template.sqlite3"
    with alone(template.with_suffix(".lock"), "another process makes an empty database", say):
        if not template.exists():
            say("making an empty database, once per machine")
            _make_template(template)
    copy = database.with_suffix(".copy")
    shutil.copyfile(template, copy)
    copy.chmod(0o600)
    copy.replace(database)


def _make_template(template: Path) -> None:
    with tempfile.TemporaryDirectory(dir=template.parent) as folder:
        fresh = Home(Path(folder))
        fresh.make()
        link_code(fresh)
        prepare(fresh, StudioConfig(), {"migrate": True})
        (fresh.studio / SQLITE).replace(template)
