"""Pictures of pages as tests saw them, for people to look at."""

import os
import tempfile
from pathlib import Path
from typing import Any

FOLDER = "PIXMO_SCREENSHOTS"


def screenshot(page: Any, name: str) -> Path:
    """Save what a playwright page shows as `<name>.png`.

    It goes into the folder that PIXMO_SCREENSHOTS names, else into one below the system's folder
    for temporary files.
    """
    named = os.environ.get(FOLDER)
    folder = Path(named) if named else Path(tempfile.gettempdir()) / "pixmo-screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    place = folder / f"{name}.png"
    page.screenshot(path=str(place), animations="disabled")
    return place
