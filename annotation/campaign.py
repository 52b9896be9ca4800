"""What `pixmo annotate up` was given, kept for the other verbs, and the way to a running studio."""

import http.client
import json
import os
import urllib.error
import urllib.parse
import urllib.request
import weakref
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from annotation.credentials import load_credentials
from annotation.home import Home, read_json, write_json
from annotation.refusals import said_by
from pipelines.services.llm_config import LlmConfig
from schemas.errors import StageError, UsageError

if TYPE_CHECKING:
    from label_studio_sdk import LabelStudio

TIMEOUT_S = 300.0  # of one request; large imports and exports take minutes


@dataclass(frozen=True)
class StudioConfig:
    """Where Label Studio listens and keeps its data; `database` is a postgresql URL or empty.

    `sidecar_port` is where our own server beside it listens: the text model, and what happened.
    """

    port: int = 8080
    database: str = ""
    public_url: str = ""
    sidecar_port: int = 0

    @property
    def url(self) -> str:
        """Where it is reached from this machine."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def sidecar_url(self) -> str:
        """Where our own server is reached from this machine."""
        return f"http://127.0.0.1:{self.sidecar_port}"


@dataclass(frozen=True)
class Campaign:
    """One store, one Label Studio, one text model."""

    store: str
    studio: StudioConfig = field(default_factory=StudioConfig)
    llm: LlmConfig = field(default_factory=LlmConfig)


def absolute_store(url: str) -> str:
    """A store's URL in one form, whatever folder a command is run in."""
    if "://" in url and not url.startswith("file://"):
        return url.rstrip("/")
    return os.path.realpath(url.removeprefix("file://"))


def save_campaign(home: Home, campaign: Campaign) -> None:
    """Keep it for the other verbs; it holds no secret."""
    write_json(home.campaign, asdict(campaign))


def load_campaign(home: Home, store: str | None = None) -> Campaign:
    """What `up` was given; UsageError when it was not run, or for another store."""
    values = read_json(home.campaign)
    if not values:
        raise UsageError(f"no campaign in {home.root}: run `pixmo annotate up --store STORE` first")
    campaign = Campaign(
        values["store"], StudioConfig(**values["studio"]), LlmConfig(**values["llm"])
    )
    if store and absolute_store(store) != absolute_store(campaign.store):
        raise UsageError(
            f"the campaign in {home.root} works on {campaign.store}, not on {store}; "
            "name the other campaign's folder with --home"
        )
    return campaign


def connect(home: Home, campaign: Campaign) -> "LabelStudio":
    """The SDK's client as the service account; it hangs up when it is no longer used."""
    import httpx
    from label_studio_sdk import LabelStudio  # a second of imports

    token = load_credentials(home)["PIXMO_STUDIO_TOKEN"]
    # Proxies of the environment are not for this machine.
    http = httpx.Client(timeout=TIMEOUT_S, follow_redirects=True, trust_env=False)
    client = LabelStudio(
        base_url=campaign.studio.url, api_key=token, httpx_client=http, timeout=TIMEOUT_S
    )  # type: ignore[no-untyped-call]
    weakref.finalize(client, http.close)
    return client


def ask_studio(home: Home, campaign: Campaign, path: str, **params: Any) -> dict[str, Any]:
    """GET one of our own pages (`/pixmo/...`) as the service account; the JSON object it answers.

    UsageError when nothing answers there, StageError when it refuses.
    """
    asked = urllib.parse.urlencode(params)
    url = campaign.studio.url + path + (f"?{asked}" if asked else "")
    token = load_credentials(home)["PIXMO_STUDIO_TOKEN"]
    request = urllib.request.Request(url, headers={"Authorization": f"Token {token}"})
    # Label Studio is on this machine: no proxy of the environment stands between.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=TIMEOUT_S) as answer:
            return dict(json.load(answer))
    except urllib.error.HTTPError as error:
        said = said_by(error.read(10_000).decode("utf-8", "replace"))
        if error.code in (401, 403):
            raise UsageError(
                f"{campaign.studio.url} is not the Label Studio of the campaign in {home.root} "
                f"(it answers {error.code} to our account): `pixmo annotate up` starts that one"
            ) from error
        raise StageError(f"{path}: Label Studio answers {error.code}: {said}") from error
    except (ValueError, TypeError, http.client.HTTPException) as error:
        raise StageError(f"{path}: Label Studio broke off or answers no JSON ({error})") from error
    except OSError as error:
        raise UsageError(
            f"nothing answers at {campaign.studio.url} ({error}): `pixmo annotate up` starts it"
        ) from error
