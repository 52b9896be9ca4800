"""How our own server beside Label Studio is started: its command and its environment."""

import os
import sys

from annotation.campaign import Campaign
from annotation.credentials import load_credentials, secret
from annotation.home import Home
from annotation.servers.server_process import Server, code_state

# It talks to the text model, which may be behind a proxy or on a private certificate.
FROM_HERE = ("PIXMO_CACHE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CUDA_VISIBLE_DEVICES")
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


def sidecar_server(home: Home, campaign: Campaign) -> Server:
    """Our own server; the campaign's file is part of its settings."""
    command = (sys.executable, "-m", "annotation.sidecar", "--home", str(home.root))
    names = (*FROM_HERE, *PROXIES, *(name.lower() for name in PROXIES))
    key = secret(home, campaign.llm.api_key_env)
    told = {
        **{name: os.environ[name] for name in names if name in os.environ},
        **({campaign.llm.api_key_env: key} if key else {}),
        "PYTHONPATH": str(home.code),
        "PIXMO_STUDIO_EVENTS": load_credentials(home)["PIXMO_STUDIO_EVENTS"],
        "PIXMO_CAMPAIGN": repr(campaign),
        "PIXMO_CODE": code_state(),
    }
    return Server("sidecar", command, told, f"{campaign.studio.sidecar_url}/health")
