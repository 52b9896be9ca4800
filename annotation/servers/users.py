"""Accounts of annotators: made, let in, locked out. Passwords go to files of mode 600 alone."""

import dataclasses
import re
import secrets
from collections.abc import Sequence

from annotation.annotators import (
    DOMAIN,
    OURS,
    Annotator,
    load_annotators,
    save_annotators,
    write_accounts,
)
from annotation.campaign import load_campaign
from annotation.credentials import load_credentials
from annotation.home import Home
from annotation.servers.launch import prepare
from annotation.servers.studio_venv import silent
from annotation.servers.up import only_one
from pipelines.steps.pseudonyms import pseudonym
from schemas.errors import UsageError

NAME = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,58}[a-z0-9])?")
MAIL = re.compile(
    r"[a-z0-9._%+-]{1,64}@[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9-]+)*\.[a-z]{2,}"
)
# Without letters and digits that are taken for one another.
LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
LENGTH = 12


@dataclasses.dataclass(frozen=True)
class Added:
    """An account and what became of it: `made`, `let in again`, or `there already`."""

    annotator: Annotator
    what: str


def add_users(home: Home, names: Sequence[str]) -> list[Added]:
    """Make accounts, or let disabled ones in again, with a new password.

    UsageError for a bad name, before any account is made.
    """
    logins = {login_of(name): None for name in names}
    with only_one(home, silent):
        known = {one.email: one for one in load_annotators(home).values()}
        wanted = [_wanted(email) for email in logins if not _is_in(known.get(email))]
        numbers = _change(home, wanted)
        salt = load_credentials(home)["PIXMO_ANNOTATOR_SALT"]
        made = [_annotator(one, numbers[str(one["email"])], salt) for one in wanted]
        _keep(home, made)
    now = known | {one.email: one for one in made}
    return [Added(now[email], _what(known.get(email))) for email in logins]


def disable_users(home: Home, names: Sequence[str]) -> list[Annotator]:
    """Lock accounts out: sessions and tokens end at once, what they did stays.

    UsageError for a name that has no account, before any is changed.
    """
    with only_one(home, silent):
        known = {one.email: one for one in list_users(home)}
        found = [known.get(_mail(name)) for name in names]
        unknown = [name for name, one in zip(names, found, strict=True) if one is None]
        if unknown:
            there = ", ".join(one.name for one in known.values()) or "nobody yet"
            raise UsageError(f"no account of {', '.join(unknown)}; there is {there}")
        ended = [dataclasses.replace(one, active=False, password="") for one in found if one]
        _change(home, [{"email": one.email, "name": one.name, "active": False} for one in ended])
        _keep(home, ended)
    return ended


def list_users(home: Home) -> list[Annotator]:
    """The annotators by name, without the admin and the service account."""
    load_campaign(home)
    found = (one for one in load_annotators(home).values() if not one.is_ours)
    return sorted(found, key=lambda one: one.email)


def login_of(name: str) -> str:
    """What a name logs in with; UsageError for one that cannot be a login."""
    mail = _mail(name)
    local = mail.removesuffix(DOMAIN)
    good = NAME.fullmatch(local) if mail.endswith(DOMAIN) else MAIL.fullmatch(mail)
    if not good:
        raise UsageError(
            f"{name!r} is no name: letters, digits, dots, dashes and underscores, at most 60, or "
            "an e-mail address"
        )
    if local in OURS:
        raise UsageError(f"{name!r} is the name of an account of pixmo; choose another")
    return mail


def _mail(name: str) -> str:
    name = name.strip().lower()
    return name if "@" in name else f"{name}{DOMAIN}"


def _is_in(annotator: Annotator | None) -> bool:
    return annotator is not None and annotator.active


def _what(before: Annotator | None) -> str:
    if before is None:
        return "made"
    return "there already" if before.active else "let in again"


def _wanted(email: str) -> dict[str, object]:
    password = "".join(secrets.choice(LETTERS) for _ in range(LENGTH))
    return {"email": email, "name": email.removesuffix(DOMAIN), "password": password}


def _annotator(wanted: dict[str, object], number: int, salt: str) -> Annotator:
    email, name, password = (str(wanted[key]) for key in ("email", "name", "password"))
    return Annotator(email, name, number, pseudonym(name, salt), password=password)


def _change(home: Home, users: list[dict[str, object]]) -> dict[str, int]:
    """Tell Label Studio's database, which works while the server runs and while it does not."""
    campaign = load_campaign(home)
    if not users:
        return {}
    return dict(prepare(home, campaign.studio, {"users": users})["users"])


def _keep(home: Home, changed: Sequence[Annotator]) -> None:
    save_annotators(home, load_annotators(home) | {one.user_id: one for one in changed})
    campaign = load_campaign(home)
    url = campaign.studio.public_url or campaign.studio.url
    write_accounts(home, url, load_credentials(home)["PIXMO_STUDIO_PASSWORD"])
