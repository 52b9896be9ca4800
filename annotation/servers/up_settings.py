"""What `pixmo annotate up` is asked for, checked, on top of what the campaign already has.

A flag that is not given keeps what an earlier `up` was given; so a restart needs no more than the
store, and cannot lose the database or the address by forgetting a flag.
"""

import dataclasses
import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from annotation.campaign import Campaign, StudioConfig, absolute_store, load_campaign
from annotation.home import Home
from pipelines.services.llm_config import LlmConfig
from schemas.errors import UsageError
from schemas.store import Store
from schemas.tables import TABLES


@dataclasses.dataclass(frozen=True)
class Asked:
    """The flags of `up`; None was not given, and an empty text drops what was kept."""

    store: str
    port: int | None = None
    database: str | None = None
    public_url: str | None = None
    llm_base_url: str | None = None
    llm_model: str | None = None
    api_key_env: str | None = None


def plan_campaign(home: Home, asked: Asked) -> Campaign:
    """The campaign as it is wanted; UsageError when a flag is wrong or belongs to another one."""
    store = absolute_store(asked.store)
    check_place(home, store)
    known = load_campaign(home, store) if home.campaign.exists() else None
    studio, llm = (known.studio, known.llm) if known else (StudioConfig(), LlmConfig())
    wanted = _with(
        studio, port=asked.port, database=asked.database, public_url=_bare(asked.public_url)
    )
    if known and wanted.database != studio.database:
        raise UsageError(
            f"the campaign in {home.root} keeps what people did in {studio.database or 'SQLite'}; "
            "for another --database, begin another campaign with --home"
        )
    check_database(wanted.database)
    check_public_url(wanted.public_url)
    names = {"base_url": asked.llm_base_url, "model": asked.llm_model}
    return Campaign(store, wanted, _llm(_with(llm, **names, api_key_env=asked.api_key_env)))


def _with(values: Any, **asked: Any) -> Any:
    return dataclasses.replace(values, **{k: v for k, v in asked.items() if v is not None})


def _llm(config: LlmConfig) -> LlmConfig:
    """An empty name asks for the default."""
    plain = LlmConfig()
    return dataclasses.replace(
        config,
        model=config.model or plain.model,
        api_key_env=config.api_key_env or plain.api_key_env,
    )


def _bare(url: str | None) -> str | None:
    return None if url is None else url.rstrip("/")


def check_place(home: Home, store: str) -> None:
    """The store is there; the home is in no store, and no folder that holds something else."""
    for folder in (home.root, *home.root.parents):
        if str(folder) == store or is_store(str(folder)):
            raise UsageError(
                f"{home.root} lies in the store {folder}, and a store must hold neither names nor "
                "passwords; name a folder outside with --home"
            )
    if not is_store(store):
        raise UsageError(f"{store}: there is no store here; `pixmo ingest` makes one")
    foreign = home.root.is_dir() and any(home.root.iterdir()) and not _is_home(home.root)
    if foreign:
        raise UsageError(
            f"{home.root} holds other files; name an empty folder, or one that does not exist, "
            "with --home"
        )


def _is_home(folder: Path) -> bool:
    return (folder / "secrets.env").exists() or (folder / ".lock").exists()


def is_store(url: str) -> bool:
    """Whether any table of ours lies there; UsageError when the URL cannot be opened."""
    if "://" not in url and not os.path.isdir(url):
        return False
    store = Store(url)
    names = (name for table in TABLES for name in (table, f"rejects/{table}"))
    try:
        return any(store.part_numbers(name) for name in names)
    except (ImportError, ValueError) as error:
        raise UsageError(f"--store {url}: {error}") from error


def check_database(url: str) -> None:
    """UsageError for anything but postgresql://USER@HOST:PORT/NAME; without a password."""
    if not url:
        return
    parts = urlsplit(url)
    if parts.password is not None:
        raise UsageError(
            "--database must not hold a password, which others would see; put it into "
            "PIXMO_STUDIO_DATABASE_PASSWORD, or into secrets.env of the campaign's folder"
        )
    named = parts.username and parts.hostname and parts.path.strip("/")
    if parts.scheme not in ("postgresql", "postgres") or not named or parts.query:
        raise UsageError(f"--database {url}: write it as postgresql://USER@HOST:PORT/NAME")
    _port(parts, "--database")


def check_public_url(url: str) -> None:
    """UsageError for anything but https://HOST[:PORT]; browsers give no microphone to others."""
    if not url:
        return
    parts = urlsplit(url)
    rest = parts.path or parts.query or parts.fragment or parts.username
    if parts.scheme != "https" or not parts.hostname or rest:
        raise UsageError(
            f"--public-url {url}: write it as https://HOST or https://HOST:PORT, without a path; "
            "browsers give pages without HTTPS no microphone"
        )
    _port(parts, "--public-url")


def _port(parts: Any, flag: str) -> None:
    try:
        parts.port  # noqa: B018
    except ValueError as error:
        raise UsageError(f"{flag}: {error}") from error
