"""The attacks again, with a pipeline that runs as an ordinary user, when the tests run as root."""

import os
import site
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.services.sandbox.staging import stage_command, staged
from tests.conftest import missing

ROOT = Path(__file__).parents[4]
USER = "1999999999"


@pytest.mark.slow
def test_the_same_as_an_ordinary_user() -> None:
    if os.getuid() != 0:
        pytest.skip("we are an ordinary user: test_attacks.py has run as one")
    packages = site.getsitepackages()[0]
    hidden = (os.path.realpath(sys.base_prefix), packages, str(ROOT))
    prefix, packages, root = (staged(folder, hidden) for folder in hidden)
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    as_user = ["setpriv", "--reuid", USER, "--regid", USER, "--clear-groups", "--"]
    folder = f"{root}/tests/pipelines/services/sandbox"
    tests = [f"{folder}/test_attacks.py", f"{folder}/test_long_lived.py"]
    pytest_command = [f"{prefix}/bin/python{version}", "-m", "pytest", "-q", "-x", *tests]
    environment = {
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": packages,
        "PYTHONDONTWRITEBYTECODE": "1",
        "LD_LIBRARY_PATH": f"{prefix}/lib",
        "CI": os.environ.get("CI", ""),
    }
    done = subprocess.run(
        [*stage_command(hidden), *as_user, *pytest_command, "-p", "no:cacheprovider"],
        capture_output=True,
        text=True,
        env=environment,
        cwd="/",
        timeout=100,
        check=False,
    )
    if "no sandbox" in done.stdout:
        missing(done.stdout[-500:])
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert "skipped" not in done.stdout
