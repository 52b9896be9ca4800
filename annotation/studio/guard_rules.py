"""Who may do what: a table of everything that an annotator's browser needs, and nothing else.

Label Studio's open edition knows no roles: whoever has an account may delete projects, export
everything and change the work of others. So the table allows, and what it does not name is
refused, new addresses of a newer Label Studio too. Staff is not held to it. No Django here.
"""

import re
from dataclasses import dataclass
from functools import cache

SMALL = 64_000
CHUNK = 2_000_000  # of a recording
RESULT = 4_000_000  # of an annotation

# What stands for what in a path of the table. A path never ends in a slash; one slash more is the
# same address, since Label Studio takes both.
_PARTS = {
    "<n>": "([0-9]{1,9})",
    "<name>": r"([A-Za-z0-9_-][A-Za-z0-9_.-]*)",
    "<file>": r"((?:[A-Za-z0-9_@~+-][A-Za-z0-9_.@~+-]*/)*[A-Za-z0-9_@~+-][A-Za-z0-9_.@~+-]*)",
    "<any>": "(.*)",  # the page itself answers what it does not like with 400
}


@dataclass(frozen=True)
class Rule:
    """One address and what may be done there.

    `methods` are separated by spaces, and GET stands for HEAD too. `check` is what has to hold
    besides (a function of annotation.studio.own_work), `shows` what is left of the answer (one of
    annotation.studio.blind). `max_bytes` is the longest body that is read.
    """

    methods: str
    path: str
    check: str = ""
    shows: str = ""
    max_bytes: int = 0


ANYONE = (
    Rule("GET POST", "/user/login", max_bytes=SMALL),
    Rule("GET", "/static/<file>"),
    Rule("GET", "/react-app/<file>"),
    Rule("GET", "/label-studio-frontend/<file>"),
    Rule("GET", "/dm/<file>"),
    Rule("GET", "/favicon.ico"),
    Rule("GET", "/sw.js"),
    Rule("GET", "/sw-fallback.js"),
    Rule("GET", "/heidi-tips"),
    Rule("GET", "/health"),
    Rule("GET", "/pixmo/health"),
    Rule("GET", "/pixmo/assets/<name>"),
)

PAGES = (
    Rule("GET", "/", check="home"),
    Rule("GET", "/projects", check="home"),
    Rule("GET", "/projects/<n>", check="home"),
    Rule("GET", "/projects/<n>/data", check="label_stream", shows="labeling_page"),
    Rule("GET POST", "/logout", max_bytes=SMALL),
    Rule("GET", "/pixmo"),
    Rule("GET", "/pixmo/guidelines/<n>"),
    Rule("GET", "/pixmo/pictures/<any>"),
    Rule("GET", "/pixmo/sounds/<any>"),
    Rule("GET", "/pixmo/recorder"),
    Rule("GET", "/pixmo/recorder/token"),
    Rule("POST", "/pixmo/recordings", max_bytes=SMALL),
    Rule("POST", "/pixmo/recordings/kept", max_bytes=SMALL),
    Rule("PUT", "/pixmo/recordings/<name>/chunks/<n>", max_bytes=CHUNK),
    Rule("POST", "/pixmo/recordings/<name>/finish", max_bytes=SMALL),
    Rule("GET", "/pixmo/recordings/<name>/sound"),
)

# What the labeling page asks for; seen in a browser, one line each.
LABELING = (
    Rule("GET", "/api/version"),
    Rule("GET", "/api/current-user/whoami", shows="no_names"),
    Rule("GET", "/api/current-user/hotkeys", shows="no_names"),
    Rule("GET", "/api/users", shows="own_account"),
    Rule("GET", "/api/projects/<n>", shows="no_names"),
    Rule("GET", "/api/projects/<n>/label-stream-history", shows="no_names"),
    Rule("GET", "/api/dm/project", shows="no_names"),
    Rule("GET", "/api/dm/columns", shows="no_names"),
    Rule("GET", "/api/dm/views", shows="no_names"),
    Rule("POST", "/api/dm/views", check="first_view", shows="no_names", max_bytes=SMALL),
    Rule("POST", "/api/dm/actions", check="next_task", shows="task", max_bytes=SMALL),
    Rule("GET", "/api/tasks", check="no_tasks"),
    Rule("GET", "/api/label_links", check="no_links"),
    Rule("GET", "/api/ml", shows="backends"),
    Rule("POST", "/api/ml/<n>/interactive-annotating", "draft_request", "no_names", RESULT),
)

WORK = (
    Rule("GET", "/api/tasks/<n>", check="task_in_reach", shows="task"),
    Rule("GET", "/api/tasks/<n>/annotations", check="task_in_reach", shows="own_items"),
    Rule("POST", "/api/tasks/<n>/annotations", "new_annotation", "no_names", RESULT),
    Rule("GET", "/api/tasks/<n>/drafts", check="task_in_reach", shows="own_items"),
    Rule("POST", "/api/tasks/<n>/drafts", "new_draft", "no_names", RESULT),
    Rule("GET", "/api/tasks/<n>/annotations/<n>/drafts", "annotation_drafts", "own_items"),
    Rule("POST", "/api/tasks/<n>/annotations/<n>/drafts", "annotation_draft", "no_names", RESULT),
    Rule("GET", "/api/annotations/<n>", check="own_annotation", shows="no_names"),
    Rule("PATCH", "/api/annotations/<n>", "changed_annotation", "no_names", RESULT),
    Rule("DELETE", "/api/annotations/<n>", check="skipped_annotation", max_bytes=SMALL),
    Rule("GET", "/api/drafts/<n>", check="own_draft", shows="no_names"),
    Rule("PATCH", "/api/drafts/<n>", "changed_draft", "no_names", RESULT),
    Rule("DELETE", "/api/drafts/<n>", check="own_draft", max_bytes=SMALL),
)


@dataclass(frozen=True)
class Allowed:
    """The rule that allows a request, and the numbers in its path."""

    rule: Rule
    numbers: tuple[int, ...]


def find_rule(method: str, path: str, signed_in: bool) -> Allowed | None:
    """The rule for a method and a decoded path; None refuses.

    Nothing is normalised: a path with a doubled slash, dots or other case names another address.
    """
    asked = "GET" if method == "HEAD" else method
    for rule, pattern in _compiled(signed_in):
        if asked in rule.methods.split():
            found = pattern.fullmatch(path)
            if found:
                return Allowed(rule, tuple(int(one) for one in found.groups() if _is_number(one)))
    return None


def _is_number(text: str) -> bool:
    return re.fullmatch("[0-9]{1,9}", text) is not None


@cache
def _compiled(signed_in: bool) -> tuple[tuple[Rule, re.Pattern[str]], ...]:
    rules = (*ANYONE, *PAGES, *LABELING, *WORK) if signed_in else ANYONE
    return tuple((rule, _pattern(rule.path)) for rule in rules)


def _pattern(path: str) -> re.Pattern[str]:
    pieces = re.split("(<[a-z]+>)", path.rstrip("/"))
    text = "".join(_PARTS.get(piece) or re.escape(piece) for piece in pieces)
    return re.compile(f"{text}/?" if path != "/" else "/", re.DOTALL)


def is_page(path: str) -> bool:
    """Whether a person looks at this address, so that a refusal is a page and not JSON."""
    return not path.startswith(("/api/", "/pixmo/recordings", "/pixmo/pictures", "/pixmo/sounds"))


def is_change(method: str, path: str) -> bool:
    """Whether a request may change something; logging out is, though a link does it."""
    return method not in ("GET", "HEAD", "OPTIONS", "TRACE") or path.rstrip("/") == "/logout"
