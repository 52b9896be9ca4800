"""Fixtures shared by all tests: foreign data, and what a missing tool means here and in CI."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from pipelines.services.models import model_path
from schemas.errors import MissingPart


def missing(what: str) -> NoReturn:
    """Skip on a developer's machine; in CI a missing model, tool or data set is a failure."""
    if os.environ.get("CI"):
        pytest.fail(f"{what} is missing, and in CI that is a failure")
    pytest.skip(what)


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder of foreign files named by PIXMO_TEST_DATA."""
    folder = os.environ.get("PIXMO_TEST_DATA")
    if not folder:
        missing("PIXMO_TEST_DATA is not set: it names a folder of files with licences of their own")
    path = Path(folder)
    if not path.is_dir():
        missing(f"PIXMO_TEST_DATA={folder} is no folder")
    return path


@pytest.fixture(scope="session")
def model_folder() -> Callable[[str], Path]:
    """Look up a model in the cache by its registry name, as `models.model_path` does."""

    def find(name: str) -> Path:
        try:
            return model_path(name)
        except MissingPart as error:
            missing(str(error))

    return find


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium that playwright can drive; browsers are never downloaded."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if not found:
        missing("Chromium is not installed: apt-get install chromium")
    return found
