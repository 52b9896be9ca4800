"""Who stands behind a pseudonym: one file outside every store, readable by its owner alone."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from annotation.credentials import load_credentials
from annotation.home import Home, read_json, write_json, write_private
from pipelines.steps.pseudonyms import pseudonym

DOMAIN = "@pixmo.localhost"
OURS = ("admin", "service")  # the coordinator, and the commands of pixmo


@dataclass(frozen=True)
class Annotator:
    """One account. `user_id` is Label Studio's number; `password` is the first one, to hand out."""

    email: str
    name: str
    user_id: int
    pseudonym: str
    active: bool = True
    password: str = ""

    @property
    def is_ours(self) -> bool:
        """Whether it is the admin or the service account, who annotate nothing."""
        return self.email in {f"{name}{DOMAIN}" for name in OURS}


def load_annotators(home: Home) -> dict[int, Annotator]:
    """All accounts by Label Studio's number, the admin and the service account included."""
    found = [Annotator(**values) for values in read_json(home.annotators).get("accounts", [])]
    return {annotator.user_id: annotator for annotator in found}


def save_annotators(home: Home, annotators: dict[int, Annotator]) -> None:
    """Write the file whole, mode 600."""
    rows = [asdict(annotators[number]) for number in sorted(annotators)]
    write_json(home.annotators, {"accounts": rows})


def remember_accounts(home: Home, numbers: Mapping[str, int]) -> None:
    """Keep the admin and the service account, by e-mail address, with their numbers."""
    salt = load_credentials(home)["PIXMO_ANNOTATOR_SALT"]
    known = load_annotators(home)
    for email, number in numbers.items():
        name = email.removesuffix(DOMAIN)
        known[number] = Annotator(email, name, number, pseudonym(name, salt))
    save_annotators(home, known)


def write_accounts(home: Home, url: str, admin_password: str) -> None:
    """Write the file to hand out: role, login, password and address of who may log in."""
    rows = [("role", "login", "password", "address")]
    for one in load_annotators(home).values():
        role = "admin" if one.is_ours else "annotator"
        password = admin_password if one.is_ours else one.password
        if one.active and one.name != "service":
            rows.append((role, one.email, password, f"{url}/"))
    write_private(home.accounts, "".join("\t".join(row) + "\n" for row in rows))
