"""Run in Label Studio's environment: brings its database up to date and makes accounts.

`python -m annotation.studio.prepare` reads JSON objects from standard input, one a line, so that no
secret is an argument, and answers each with one: {"users": {email: number}}, or {"refused": why}
when the database does not let it in. All keys may be left out:

- migrate: true brings the database's tables up to date;
- users: [{email, name, password, staff, active, token}] creates or changes accounts; a password
  of null lets nobody in by password;
- moved: {"from": URL, "to": URL} when our own server has another address than before.
"""

import json
import os
import sys
from typing import Any


def main() -> None:
    """Do what standard input asks for."""
    import label_studio

    sys.path.insert(0, os.path.dirname(label_studio.__file__))
    import django
    from django.db import OperationalError, connections

    django.setup()
    for line in sys.stdin:
        try:
            answer = _answer(json.loads(line))
        except OperationalError as error:
            answer = {"refused": " ".join(str(error).split())}
        print(json.dumps(answer), flush=True)  # noqa: T201
    connections.close_all()  # SQLite's journal is in the database now: the file can be copied


def _answer(asked: dict[str, Any]) -> dict[str, Any]:
    if asked.get("migrate"):
        _migrate()
    if "moved" in asked:
        _move(asked["moved"]["from"], asked["moved"]["to"])
    return {"users": {user["email"]: _account(user) for user in asked.get("users", [])}}


def _migrate() -> None:
    from django.core.management import call_command
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        call_command("migrate", "--no-color", verbosity=0)


def _move(old: str, new: str) -> None:
    """Let projects and webhooks that know our own server by its old address know the new one."""
    from ml.models import MLBackend
    from webhooks.models import Webhook

    for model in (MLBackend, Webhook):
        for row in model.objects.filter(url__startswith=old):
            model.objects.filter(pk=row.pk).update(url=new + row.url[len(old) :])


def _account(wanted: dict[str, Any]) -> int:
    """Create or change one account; the first one of all makes the organisation."""
    from organizations.models import Organization
    from users.models import User

    user = User.objects.filter(email=wanted["email"]).first()
    if user is None:
        user = User.objects.create_user(email=wanted["email"], password=wanted["password"])
    elif wanted.get("password") and not user.check_password(wanted["password"]):
        user.set_password(wanted["password"])  # which ends the sessions of the old one
    user.first_name = wanted.get("name", "")
    user.is_active = wanted.get("active", True)
    user.is_staff = user.is_superuser = wanted.get("staff", False)
    user.save()
    if not user.is_active:
        _end_tokens(user)
    if wanted.get("token"):
        _give_token(user, wanted["token"])
    organization = Organization.objects.first()
    if organization is None:
        organization = Organization.create_organization(
            created_by=user, title="pixmo", legacy_api_tokens_enabled=True
        )
    else:
        organization.add_user(user)
    user.active_organization = organization
    user.save(update_fields=["active_organization"])
    return int(user.id)


def _give_token(user: Any, key: str) -> None:
    from rest_framework.authtoken.models import Token

    if not Token.objects.filter(user=user, key=key).exists():
        Token.objects.filter(user=user).delete()
        Token.objects.create(user=user, key=key)


def _end_tokens(user: Any) -> None:
    """None of them works again, even when the account is let in again."""
    from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken

    user.reset_token()
    for token in OutstandingToken.objects.filter(user=user):
        BlacklistedToken.objects.get_or_create(token=token)


if __name__ == "__main__":
    main()
