"""What stands above dropped rows: what each rule removed, and what it alone removed."""

from collections import Counter

from pipelines.steps.rule_counts import RuleCount, rule_counts
from schemas.judgment import RejectRow
from schemas.store import Store
from tools.report.listing import Listing
from tools.report.markup import Html, el, number, table
from tools.report.row_chunks import ID_DIGITS, DroppedRows

_EXAMPLES = 3


def rules_html(store: Store, listing: Listing) -> Html | None:
    """Rules and other reasons with their counts; examples are links to rows of the same page."""
    tables = {source.table for source in listing.inputs if isinstance(source, DroppedRows)}
    if not tables:
        return None
    name = tables.pop()
    infos = store.infos(name)
    rejects = (
        row for info in infos for row in store.records(f"rejects/{name}", info.number, RejectRow)
    )
    rules = rule_counts(rejects, _EXAMPLES)
    reasons: Counter[str] = Counter()
    for info in infos:
        reasons.update(info.reasons)
    rows: list[tuple[object, ...]] = [
        (r.rule, number(r.rows), number(r.alone), _links(r)) for r in rules
    ]
    rows += [(r, number(n), number(n), "") for r, n in reasons.most_common() if r != "policy"]
    shown = table(
        "What each rule removed", ("rule", "rows", "by it alone", "examples"), rows, (1, 2)
    )
    first = ", ".join(f"{r.rule} {number(r.rows)} ({number(r.alone)} alone)" for r in rules[:3])
    title = "What each rule removed"
    return el("details", el("summary", f"{title}: {first}" if first else title), shown, cls="rules")


def _links(rule: RuleCount) -> list[Html]:
    return [
        el("a", f"{one.score:.3g}", href=f"#row={one.key[:ID_DIGITS]}", aria_label=_label(one.key))
        for one in rule.examples
    ]


def _label(key: str) -> str:
    return f"row {key[:ID_DIGITS]}"
