"""Who may do what, as a table; nothing that the table does not name passes."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.studio import guard_rules
from annotation.studio.blind import VIEWS
from annotation.studio.guard_rules import find_rule, is_change, is_page

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT")
RULES = (*guard_rules.ANYONE, *guard_rules.PAGES, *guard_rules.LABELING, *guard_rules.WORK)
ID = "0123456789abcdef" * 2


@pytest.mark.parametrize(
    ("method", "path", "numbers"),
    [
        ("GET", "/", ()),
        ("GET", "/pixmo/", ()),
        ("GET", "/projects/7/data", (7,)),
        ("GET", "/projects/7/data/", (7,)),
        ("GET", "/api/projects/7", (7,)),
        ("POST", "/api/dm/actions", ()),
        ("POST", "/api/tasks/12/annotations", (12,)),
        ("POST", "/api/tasks/12/annotations/3/drafts", (12, 3)),
        ("PATCH", "/api/annotations/3/", (3,)),
        ("DELETE", "/api/drafts/3", (3,)),
        ("POST", "/api/ml/2/interactive-annotating", (2,)),
        ("PUT", f"/pixmo/recordings/{ID}/chunks/0", (0,)),
        ("GET", f"/pixmo/sounds/{ID}", ()),
        ("HEAD", f"/pixmo/sounds/{ID}", ()),
        ("GET", "/react-app/main.3f2.js", ()),
        ("GET", "/static/fonts/Figtree-Regular.ttf", ()),
        ("POST", "/logout", ()),
    ],
)
def test_annotators_can_work(method: str, path: str, numbers: tuple[int, ...]) -> None:
    allowed = find_rule(method, path, signed_in=True)
    assert allowed is not None
    assert [n for n in allowed.numbers if n in numbers] == list(numbers)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "/api/projects/7"),
        ("PATCH", "/api/projects/7"),
        ("POST", "/api/projects"),
        ("GET", "/api/projects"),
        ("GET", "/api/projects/7/export"),
        ("POST", "/api/projects/7/exports"),
        ("POST", "/api/projects/7/import"),
        ("GET", "/api/projects/7/next"),
        ("GET", "/api/projects/7/tasks"),
        ("GET", "/api/predictions"),
        ("DELETE", "/api/tasks/12"),
        ("PATCH", "/api/tasks/12"),
        ("POST", "/api/annotations/3/convert-to-draft"),
        ("GET", "/api/dm/actions"),
        ("DELETE", "/api/dm/views/1"),
        ("POST", "/api/users"),
        ("PATCH", "/api/users/3"),
        ("GET", "/api/organizations/1/memberships"),
        ("GET", "/api/invite"),
        ("POST", "/api/token"),
        ("GET", "/api/current-user/token"),
        ("POST", "/api/current-user/reset-token"),
        ("POST", "/api/webhooks"),
        ("POST", "/api/ml"),
        ("POST", "/api/storages/localfiles"),
        ("GET", "/tasks/12/resolve"),
        ("GET", "/data/local-files/"),
        ("GET", "/data/upload/1/x.jpg"),
        ("GET", "/projects/7/settings"),
        ("GET", "/organization"),
        ("GET", "/people"),
        ("GET", "/user/account"),
        ("GET", "/user/signup"),
        ("GET", "/admin/"),
        ("GET", "/django-rq/"),
        ("GET", "/docs/api"),
        ("GET", "/metrics"),
        ("GET", "/trigger500"),
        ("GET", "/pixmo/tasks"),
        ("GET", "/pixmo/annotations"),
    ],
)
def test_everything_else_is_refused(method: str, path: str) -> None:
    for spelled in (path, path.rstrip("/") + "/"):
        assert find_rule(method, spelled, signed_in=True) is None
        assert find_rule(method, spelled, signed_in=False) is None


def test_strangers_get_the_login_page_and_what_it_needs() -> None:
    for rule in (*guard_rules.PAGES, *guard_rules.LABELING, *guard_rules.WORK):
        for method in rule.methods.split():
            assert find_rule(method, _example(rule.path), signed_in=False) is None
    assert find_rule("POST", "/user/login/", signed_in=False)


@pytest.mark.parametrize("method", ["OPTIONS", "TRACE", "CONNECT", "get", "Get", "PROPFIND", ""])
def test_other_methods_open_nothing(method: str) -> None:
    assert not [rule for rule in RULES if find_rule(method, _example(rule.path), signed_in=True)]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.methods} {rule.path}")
def test_tricks_with_paths_open_nothing(rule: guard_rules.Rule) -> None:
    path = _example(rule.path)
    bare = path.rstrip("/")
    tricks = [
        *(f"/{path}", f"//{path.lstrip('/')}", f"{bare}//", f"{bare};x", f"{bare};/", f"{bare}/.."),
        *(f"/pixmo/..{path}", f"/static/..{path}", f"{bare}/./", f"{bare}%2f", f"{bare}?x=1"),
        *(f"{bare}\\", f"{bare}\x00", f"{bare}\n", f"{bare}/ ", f" {path}", path.upper() + "#"),
    ]
    for trick in tricks:
        allowed = find_rule(rule.methods.split()[0], trick, signed_in=True)
        assert allowed is None or allowed.rule.path.endswith("<any>"), trick


def test_numbers_are_plain_digits() -> None:
    for number in ("١", "1e3", "-1", "+1", "0x1", "1.0", "", "1234567890"):
        assert find_rule("GET", f"/api/tasks/{number}", signed_in=True) is None or number == ""


@given(
    method=st.sampled_from(METHODS),
    path=st.lists(
        st.sampled_from(
            [
                *("/", "//", "..", ".", ";", "%2e", "\x00", "\n", "1", "99", "x", "API", ID),
                *(part for rule in RULES for part in re.split("(/)", rule.path) if part),
            ]
        ),
        max_size=9,
    ).map("".join)
    | st.text(max_size=40),
    signed_in=st.booleans(),
)
def test_what_passes_is_in_the_table(method: str, path: str, signed_in: bool) -> None:
    allowed = find_rule(method, path, signed_in)
    if allowed is None:
        return
    assert allowed.rule in (RULES if signed_in else guard_rules.ANYONE)
    assert ("GET" if method == "HEAD" else method) in allowed.rule.methods.split()
    fixed = allowed.rule.path.split("<")[0].rstrip("/")
    assert path.startswith(fixed)
    if not allowed.rule.path.endswith("<any>"):
        assert re.fullmatch(r"(/[A-Za-z0-9_@~+-][A-Za-z0-9_.@~+-]*)*/?", path)


def test_every_check_and_view_exists() -> None:
    source = Path(guard_rules.__file__).with_name("own_work.py").read_text(encoding="utf-8")
    for rule in RULES:
        assert not rule.check or f"def {rule.check}(" in source
        assert not rule.shows or rule.shows in {*VIEWS, "labeling_page"}
        changes = [m for m in rule.methods.split() if m not in ("GET", "DELETE")]
        assert bool(rule.max_bytes) or not changes, "a body needs a limit"


def test_changes_need_a_page_of_ours() -> None:
    assert is_change("POST", "/api/tasks/1/annotations")
    assert is_change("PROPFIND", "/x")
    assert is_change("GET", "/logout/")
    assert not is_change("GET", "/api/tasks/1")


def test_people_get_pages_and_scripts_get_json() -> None:
    assert is_page("/organization")
    assert not is_page("/api/users")
    assert not is_page(f"/pixmo/sounds/{ID}")


def _example(path: str) -> str:
    for part, text in {"<n>": "7", "<name>": ID, "<file>": "a/b.js", "<any>": ID}.items():
        path = path.replace(part, text)
    return path
