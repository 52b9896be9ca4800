"""Guidelines as the page that annotators see before they label: Markdown to plain HTML.

Raw HTML in the text is shown as text, and links of other kinds than http, https and mailto are
left as they are written, so that a guideline cannot carry a script into the labeling page.
"""

from markdown_it import MarkdownIt


def guideline_html(text: str) -> str:
    """CommonMark with tables as HTML, in a box that `embed.css` gives lists and distances."""
    # A renderer remembers nothing between texts, but is not safe among threads: one per call.
    page = MarkdownIt("commonmark", {"html": False}).enable("table").render(text)
    return f'<div class="pixmo-guideline">\n{page}</div>'
