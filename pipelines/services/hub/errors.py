"""What the Hub can answer instead of what was asked, and what each answer means for a person.

`HubAnswer` and `HubUnreachable` are the only failures that leave the client (`client.py`);
`worth_trying_again` is the one place that says which of them can pass, `explain` the one that puts
them into words. No message holds the token.
"""

from collections.abc import Iterator

from schemas.errors import LockedError, PixmoError, StageError, UsageError

# Besides 5xx: time-out, too early, too many requests.
_PASSING = frozenset({408, 425, 429})
TOKENS_PAGE = "https://huggingface.co/settings/tokens"


class Failed(Exception):
    """A call failed; `final` once it was tried often enough."""

    final = False


class HubAnswer(Failed):
    """The Hub answered with an error status; `code` is its `X-Error-Code`."""

    def __init__(self, status: int, message: str, code: str = "", retry_after_s: float = 0) -> None:
        super().__init__(f"HTTP {status}: {message}")
        self.status, self.message, self.code = status, message, code
        self.retry_after_s = retry_after_s


class HubUnreachable(Failed):
    """No answer, or half of one: connection refused or broken, time-out, a body cut short."""


class HubGarbled(Failed):
    """An answer whose content is not what the Hub itself announced."""


Failure = HubAnswer | HubUnreachable | HubGarbled


def failure_of(error: BaseException) -> Failure | None:
    """The failure behind an exception of the library, which wraps some of them in others."""
    for cause in _causes(error):
        if isinstance(cause, HubAnswer | HubUnreachable | HubGarbled):
            return cause
        if _is_not_json(cause):
            return HubGarbled("the Hub's answer is no JSON")
    return None


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__


def _is_not_json(error: BaseException) -> bool:
    return type(error).__name__ == "JSONDecodeError"


def worth_trying_again(failure: Failure) -> bool:
    """Whether the same call can succeed later: time-outs, 429, 5xx and broken connections."""
    if isinstance(failure, HubAnswer):
        return failure.status in _PASSING or failure.status >= 500
    return True


def explain(failure: Failure, repo: str, doing: str) -> PixmoError:
    """The error for a person: UsageError, LockedError (another publisher) or StageError."""
    if not isinstance(failure, HubAnswer):
        return StageError(f"{repo}: {doing}: {failure}; the same command goes on from here")
    said = f"{repo}: {doing}: HTTP {failure.status}: {failure.message}"
    if failure.status == 412:
        return concurrent(repo)
    if failure.status == 401:
        return UsageError(f"{said}; the token is not valid: make one at {TOKENS_PAGE}")
    if failure.status == 403:
        return UsageError(
            f"{said}; the token may not do this: it needs write access to {repo} "
            f"(a fine-grained token: `Write access to contents/settings`), see {TOKENS_PAGE}"
        )
    if failure.status == 404:
        return UsageError(f"{said}; check the name: there is no such account or repository")
    if failure.status == 413:
        return StageError(f"{said}; too much for one request: export with fewer rows per shard")
    if worth_trying_again(failure):
        asked = f" (it asks to wait {failure.retry_after_s:.0f} s)" if failure.retry_after_s else ""
        return StageError(f"{said}{asked}; the same command goes on from here, later")
    return StageError(said)


def concurrent(repo: str) -> PixmoError:
    """Another publisher was faster."""
    return LockedError(
        f"{repo}: someone else committed to it meanwhile (412); nothing was overwritten: look at "
        "its history, then run the same command again"
    )
