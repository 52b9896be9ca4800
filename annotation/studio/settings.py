"""Label Studio's settings with ours on top: guard, recorder, media, no calls to the outside.

Runs in Label Studio's own environment, as DJANGO_SETTINGS_MODULE=annotation.studio.settings; it
imports nothing of Pixmo but `annotation.studio`, `pipelines.steps` and `schemas`.
"""

import os
from pathlib import Path
from urllib.parse import urlsplit

# Label Studio reads django.conf.settings while it loads its own, so the base comes first.
from core.settings.base import *  # noqa: F403
from label_studio.core.settings.label_studio import *  # noqa: F403

ROOT_URLCONF = "annotation.studio.urls"

# Our base.html wraps Label Studio's: every page gets our style and scripts.
TEMPLATES[0]["DIRS"].insert(0, str(Path(__file__).parent / "templates"))  # type: ignore[name-defined]  # noqa: F405

# Every request passes the guard as soon as it is known who asks, before anything of it is read.
_known = MIDDLEWARE.index("django.contrib.auth.middleware.AuthenticationMiddleware")  # type: ignore[name-defined]  # noqa: F405
MIDDLEWARE.insert(_known + 1, "annotation.studio.guard.Guard")  # type: ignore[name-defined]  # noqa: F405

# No other site frames our pages, where a click could be led astray; the recorder is our own.
MIDDLEWARE.append("django.middleware.clickjacking.XFrameOptionsMiddleware")  # type: ignore[name-defined]  # noqa: F405
X_FRAME_OPTIONS = "SAMEORIGIN"

# Label Studio lets pages of any site read its answers, and answers to any name.
CORS_ALLOW_ALL_ORIGINS = False
_public = urlsplit(os.environ.get("PIXMO_PUBLIC_URL") or HOSTNAME)  # type: ignore[name-defined]  # noqa: F405
if ALLOWED_HOSTS == ["*"]:  # type: ignore[has-type,used-before-def]  # noqa: F405
    ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]", *filter(None, [_public.hostname])]
if _public.scheme == "https":
    # A proxy in front ends HTTPS; what browsers keep is for HTTPS alone then.
    CSRF_TRUSTED_ORIGINS = [*CSRF_TRUSTED_ORIGINS, f"https://{_public.netloc}"]  # type: ignore[has-type]  # noqa: F405
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    CSRF_COOKIE_HTTPONLY = False  # our pages read it, as they do without HTTPS

_database = DATABASES["default"]  # type: ignore[name-defined]  # noqa: F405
if "sqlite" in _database["ENGINE"]:
    # Threads and our commands wait for one another's writes, and reading waits for nobody.
    _database["OPTIONS"] = {
        "timeout": 30,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
    }

# What Label Studio says goes to one file that is bounded; gunicorn's own few lines go to another.
LOGGING["handlers"]["console"] = {  # type: ignore[name-defined]  # noqa: F405
    "class": "logging.handlers.RotatingFileHandler",
    "filename": Path(os.environ["PIXMO_HOME"]) / "logs" / "studio.log",
    "maxBytes": 4_000_000,
    "backupCount": 3,
    "formatter": "standard",
}
