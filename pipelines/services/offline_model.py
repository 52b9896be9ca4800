"""A text model that never calls: it answers from the cache and collects what the cache lacks.

The choice worth knowing: a missing answer is an exception and no Reject, since a Reject would be
taken for an outcome of the row, and a step might go on without it. What was asked beside it has
been collected by then, because `settle` lets all of that end first.
"""

from pipelines.services.llm_cache import LlmCache
from pipelines.steps.text_requests import TextAnswer, TextRequest, request_digest


class NotAnswered(Exception):
    """The cache lacks an answer; the request for it was collected."""


class RowsWait(Exception):
    """Rows of a part wait for answers: how many rows, and the requests by their digests."""

    def __init__(self, rows: int, requests: dict[str, TextRequest]) -> None:
        super().__init__(f"{rows} rows wait for {len(requests)} answers")
        self.rows = rows
        self.requests = requests


class OfflineTextModel:
    """A TextModel over the cache alone; `requests` are those without an answer, by digest."""

    def __init__(self, name: str, cache: LlmCache) -> None:
        self._name, self._cache = name, cache
        self.requests: dict[str, TextRequest] = {}

    @property
    def name(self) -> str:
        """The name of the model whose answers are looked up."""
        return self._name

    async def complete(self, request: TextRequest) -> TextAnswer:
        """The kept answer; NotAnswered when there is none."""
        digest = request_digest(self._name, request)
        kept = await self._cache.get(digest)
        if kept is None:
            self.requests[digest] = request
            raise NotAnswered(digest)
        return kept
