"""Prints every address that Label Studio knows, one a line; runs in its own environment."""

import os
import sys
from collections.abc import Iterator
from typing import Any

import label_studio

sys.path.insert(0, os.path.dirname(label_studio.__file__))

import django

django.setup()

from django.urls import URLPattern, get_resolver  # noqa: E402


def _walk(patterns: list[Any], prefix: str = "") -> Iterator[str]:
    for one in patterns:
        address = prefix + str(one.pattern)
        if isinstance(one, URLPattern):
            yield address
        else:
            yield from _walk(one.url_patterns, address)


if __name__ == "__main__":
    sys.stdout.write(
        "\n".join(sorted(set(_walk(get_resolver("label_studio.core.urls").url_patterns))))
    )
