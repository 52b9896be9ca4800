"""The last step of a document: questions and answers from its data and source, not its picture."""

from pipelines.documents.under_way import Chain, form_as_written, places
from pipelines.steps.doc_answers import Item, Items, Kept, keep_supported
from pipelines.steps.doc_data import DocData
from pipelines.steps.doc_facts import facts_of
from pipelines.steps.doc_ideas import ideas_of
from pipelines.steps.prompts import load_prompt
from pipelines.steps.structured import Sampling, ask_form, form_request
from schemas.judgment import Reject

_SOURCE = 4000  # characters of a source that questions are written from


async def ask_questions(chain: Chain, data: DocData) -> Kept | Reject:
    """Questions whose answers follow, of all tries together; Reject `unsupported_answers` when
    too few do."""
    config = chain.config
    prompt = load_prompt(config.question_prompt)
    code = chain.parts.code[:_SOURCE].rstrip()
    values = places(chain) | {"code": code, "asked": str(config.questions)}
    values["ideas"] = " ".join(ideas_of(data, chain.plan.image_id))
    sampling = Sampling(config.question_tokens, 0.0, chain.seed)
    request = form_request(prompt, Items, values, sampling)
    request = form_as_written(request, Items, {"items": (config.questions, config.questions)})
    facts = facts_of(data, chain.parts.topic, chain.parts.code)
    given: list[Item] = []

    def judge(items: Items) -> str:
        given.extend(items.items)
        if len(keep_supported(given, facts).questions) >= config.least_questions:
            return ""
        return "too many of the answers were wrong"

    asked = await ask_form(chain.model, request, prompt, Items, judge, config.attempts)
    if isinstance(asked, Reject):
        few = asked.reason == "llm_degenerate"
        return Reject("unsupported_answers", asked.detail) if few else asked
    chain.keep(asked)
    return keep_supported(given, facts)
