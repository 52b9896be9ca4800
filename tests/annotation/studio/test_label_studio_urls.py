"""Every address of Label Studio is either open to annotators or shut; a new one is seen here.

`label_studio_urls.txt` has a line per address: what annotators may do there, or `-`. After an
upgrade, look at the difference, then write the new file with
`PIXMO_ACCEPT=1 pytest tests/annotation/studio/test_label_studio_urls.py`.
"""

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from annotation.servers.launch import environment
from annotation.servers.server_process import inherited
from annotation.servers.studio_venv import install_studio
from annotation.studio.guard_rules import find_rule

HERE = Path(__file__).parent
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
SHUT_AS_A_WHOLE = ("admin/", "django-rq/", "api/storages/", "api/organizations/", "docs/")

pytestmark = pytest.mark.studio


def test_no_address_of_label_studio_is_new(studio: Any) -> None:
    done = subprocess.run(
        [str(install_studio()), str(HERE / "list_urls.py")],
        env=inherited() | environment(studio.home, studio.campaign.studio),
        capture_output=True,
        text=True,
        check=True,
    )
    lines = sorted({_line(_plain(one)) for one in done.stdout.splitlines()}, key=_address)
    accepted = HERE / "label_studio_urls.txt"
    if os.environ.get("PIXMO_ACCEPT"):
        accepted.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert lines == accepted.read_text(encoding="utf-8").splitlines()


def _plain(pattern: str) -> str:
    """`^api/^users/(?P<pk>[^/.]+)/$` as `api/users/<pk>/`."""
    plain = re.sub(r"\(\?P<(\w+)>(?:[^()\[]|\[[^\]]*\])*\)", r"<\1>", pattern)
    return plain.replace("/?$", "/").replace("^", "").replace("$", "").replace("\\", "")


def _line(address: str) -> str:
    for prefix in SHUT_AS_A_WHOLE:
        if address.startswith(prefix):
            assert not _open_methods(address), f"{address} is open"
            return f"{'-':<18}/{prefix}..."
    return f"{' '.join(_open_methods(address)) or '-':<18}/{address}"


def _address(line: str) -> str:
    return line[18:]


def _open_methods(address: str) -> list[str]:
    path = re.sub(r"<(?:int:\w+|pk)>", "7", "/" + address)
    path = re.sub(r"<(?:path:\w+|path)>", "a/b.js", path)
    path = re.sub("<[^>]+>", "x", path)
    return [method for method in METHODS if find_rule(method, path, signed_in=True)]
