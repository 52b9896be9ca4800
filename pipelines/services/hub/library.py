"""The library `huggingface_hub`: the extra `hub`, imported only when it is needed."""

from typing import Any

from pipelines.services.quick_import import quick_import
from schemas.errors import MissingPart


def load_library() -> Any:
    """The module huggingface_hub with what we use of it; MissingPart when it is not installed."""
    try:
        with quick_import():
            import huggingface_hub
            import huggingface_hub.constants
            import huggingface_hub.utils
    except ImportError as error:
        raise MissingPart(
            "publishing needs huggingface_hub: pip install 'pixmo[hub]' (the extra `hub`)"
        ) from error
    return huggingface_hub
