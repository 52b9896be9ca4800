"""What goes wrong between us and Label Studio, as one line for a person."""

import contextlib
from collections.abc import Iterator

from annotation.campaign import Campaign
from annotation.refusals import said_by
from schemas.errors import StageError, UsageError


@contextlib.contextmanager
def studio_errors(campaign: Campaign, what: str) -> Iterator[None]:
    """Inside, calls of the SDK end as UsageError or StageError; `what` says what was tried."""
    import httpx
    from label_studio_sdk.core.api_error import ApiError

    url = campaign.studio.url
    again = "run the same command again: it does what is missing"
    try:
        yield
    except httpx.ConnectError as error:
        raise UsageError(f"nothing answers at {url}: `pixmo annotate up` starts it") from error
    except httpx.TimeoutException as error:
        raise StageError(f"{what}: {url} did not answer in time; {again}") from error
    except httpx.TransportError as error:
        raise StageError(f"{what}: {url} broke off ({error}); {again}") from error
    except ApiError as error:
        said = said_by(error.body)
        raise StageError(f"{what}: Label Studio answers {error.status_code}: {said}") from error
