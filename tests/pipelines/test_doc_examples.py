"""Every worked example of the table of documents, drawn by the real tools and looked over."""

import pytest

from pipelines.services.rendering.renderer import RenderConfig
from pipelines.services.rendering.tools import open_renderer
from pipelines.steps.doc_kinds import doc_tools
from pipelines.steps.picture_checks import (
    DEFAULT_LIMITS,
    CheckedPicture,
    PictureLimits,
    check_picture,
)
from schemas.errors import MissingPart
from schemas.judgment import Reject
from tests.conftest import missing


@pytest.mark.slow
@pytest.mark.parametrize("name", doc_tools())
def test_every_example_of_a_tool_is_a_sound_picture(name: str) -> None:
    tool = doc_tools()[name]
    try:
        renderer = open_renderer(name, RenderConfig())
    except MissingPart as error:
        missing(str(error))
    try:
        for example in tool.examples.values():
            files = {tool.data_file: example.data.encode()} if tool.data_file else {}
            drawn = renderer.render(example.source, files)
            assert not isinstance(drawn, Reject), f"{example.title}: {drawn}"
            checked = check_picture(drawn.png, PictureLimits())
            assert isinstance(checked, CheckedPicture), f"{example.title}: {checked}"
            scores = {tag.name: tag.score for tag in checked.tags}
            assert all(scores[rule] < limit for rule, limit in DEFAULT_LIMITS), example.title
    finally:
        renderer.close()
