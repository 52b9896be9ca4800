"""The third step of a document: its source, drawn and looked over, mended where it fails.

What fails (no block, data left out, an error of the renderer, a blank picture) goes back to the
model with the error, as often as `repairs` allows.
"""

from dataclasses import replace

from pipelines.documents.under_way import Chain, example_of, request_of
from pipelines.services.rendering.renderer import RenderedPicture
from pipelines.steps.doc_code import (
    extract_code,
    joined_cells,
    missing_in,
    torn_rows,
    values_of,
    words_in_order,
)
from pipelines.steps.doc_data import DocData, Table
from pipelines.steps.doc_kinds import tool_named
from pipelines.steps.picture_checks import CheckedPicture, check_picture
from pipelines.steps.prompts import load_prompt
from pipelines.steps.text_requests import TextRequest
from schemas.judgment import Reject

_ERROR = 600  # characters of an error that the model is shown


async def draw_picture(
    chain: Chain, data: DocData
) -> tuple[RenderedPicture, CheckedPicture, str] | Reject:
    """Ask for the source and draw it; what fails goes back to the model with its error."""
    code, failed = "", Reject("no_code", "never asked")
    for attempt in range(chain.config.repairs + 1):
        answer = await chain.model.complete(_code_request(chain, attempt, code, failed.detail))
        if isinstance(answer, Reject):
            return answer
        chain.keep(answer, repairs=attempt)
        found = extract_code(answer.text, answer.finish_reason == "length")
        if isinstance(found, Reject):
            failed = found
            continue
        code = found
        chain.keep(code=code)
        drawn = await _draw(chain, data)
        if not isinstance(drawn, Reject):
            return drawn
        failed = drawn
        if failed.retryable:
            return failed
    return failed


def _code_request(chain: Chain, attempt: int, code: str, error: str) -> TextRequest:
    """The request for a source; after a failed one, with the source and what was wrong with it."""
    config, plan = chain.config, chain.plan
    tool = tool_named(plan.tool)
    example = example_of(chain)
    values = {
        "language": tool.language,
        "hints": tool.hints,
        "example_kind": plan.kind.kind,
        "example_data": example.data.rstrip(),
        "example": example.source.rstrip(),
        "code": code.rstrip(),
        "error": " ".join(error[-_ERROR:].split()),
    }
    prompt = load_prompt(config.repair_prompt if code else config.code_prompt)
    request = request_of(chain, prompt, values, config.code_tokens, "")
    if not attempt:
        return request
    note = "" if code else "\n\n" + prompt.again.replace("{error}", values["error"])
    return replace(
        request, user=request.user + note, temperature=0.3 * attempt, seed=chain.seed + attempt
    )


async def _draw(
    chain: Chain, data: DocData
) -> tuple[RenderedPicture, CheckedPicture, str] | Reject:
    """The picture of the source as it is now, checked."""
    plan, code = chain.plan, chain.parts.code
    tool = tool_named(plan.tool)
    if error := _code_error(chain, data):
        return Reject("data_not_shown", error)
    files = {tool.data_file: chain.parts.data.encode()} if tool.data_file else {}
    rendered, version = await chain.render(plan.tool, code, files)
    if isinstance(rendered, Reject):
        return rendered
    checked = check_picture(rendered.png, chain.pictures)
    if isinstance(checked, Reject):
        return checked
    return rendered, checked, version


def _code_error(chain: Chain, data: DocData) -> str:
    """What a source leaves out, or took over from the example; empty for nothing."""
    code, tool = chain.parts.code, tool_named(chain.plan.tool)
    if words_in_order(example_of(chain).title) in words_in_order(code):
        return f'it has the title of the example instead of "{chain.parts.topic}"'
    if tool.data_file:
        return "" if tool.data_file in code else f"it does not read {tool.data_file}"
    if isinstance(data, Table):
        if any(pair in code for pair in joined_cells(data)):
            return "it shows the commas of the CSV"
        if torn := torn_rows(code, data, tool.row_end):
            return f"it does not show these rows as they are: {torn[:3]}"
    missing, values = missing_in(code, data), values_of(data)
    if len(missing) > (1 - chain.config.least_shown) * len(values):
        return f"it leaves out {len(missing)} of {len(values)} values, such as {missing[:3]}"
    return ""
