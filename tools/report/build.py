"""The whole report: plan what pages need, make it with workers, write the pages, put it in place.

Ids are read first, so that every picture is decoded once for all pages; texts, pictures and sounds
then are independent jobs.
"""

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.steps.caption_checks import DEFAULT_LIMITS
from schemas.store import Store
from schemas.subsets import SUBSETS
from tools.report import contact_sheet as sheets
from tools.report import cost as costs
from tools.report import distributions, overview, urls
from tools.report import duplicate_page as twins
from tools.report import reject_page as refusals
from tools.report.contamination import Contaminated, find_contamination
from tools.report.dropped import rules_html
from tools.report.examples import Examples, example_page, page_html, rows_jobs, write_data
from tools.report.folder import report_folder
from tools.report.listing import Listing, list_dropped, list_release, picture_parts
from tools.report.markup import Html, Page, el
from tools.report.picture_plan import Album, Planned, plan_pictures, sample
from tools.report.pictures import LARGE, MIDDLE, make_pictures
from tools.report.release_files import release_files
from tools.report.row_chunks import RowsMade, make_rows
from tools.report.sounds import Sound, make_sounds, plan_sounds
from tools.report.workers import Pool, pool
from tools.summary import usage_line

ASSETS = Path(__file__).parent / "assets"
STRIP = 12  # pictures on the first page
LIGHT_ROWS = 400  # fewer rows than this are done before worker processes would have started


@dataclass(frozen=True)
class Budget:
    """What of pictures and sounds may go into a report besides thumbnails.

    `large` counts pictures of up to 640 pixels over all pages, about 50 KB each; `sound_bytes` are
    those of recordings.
    """

    large: int = 600
    sound_bytes: int = 24_000_000


@dataclass(frozen=True)
class Built:
    """A finished report: pages, rows on them, pictures, bytes on disk."""

    pages: int
    rows: int
    pictures: int
    bytes: int


def build_report(store: Store, output: str, workers: int, budget: Budget | None = None) -> Built:
    """Write the report of a store to a folder, whole or not at all.

    Raises UsageError when the folder holds something else, StageError when a worker dies.
    """
    with report_folder(output) as folder:
        return _Report(store, folder, budget or Budget()).build(workers)


class _Report:
    """One report being built: what is known of the store, and where pages go."""

    def __init__(self, store: Store, folder: Path, budget: Budget) -> None:
        self._store, self._folder, self._budget = store, folder, budget
        self._parts = picture_parts(store)
        self._listings = self._list()
        self._twins = twins.find_duplicates(store)
        self._near = find_contamination(store)
        self._shown = sample(self._listings[0].pictures, STRIP) if self._listings else frozenset()
        shown = [listing for listing in self._listings if listing.rows or not listing.dropped]
        self._pages = [overview.PAGE, *map(example_page, shown)]
        self._sheets = sheets.find_sheets(self._listings)
        self._pages += [sheets.PAGE] if sheets.pictures_of(self._sheets) else []
        self._pages += [distributions.PAGE, urls.PAGE, refusals.PAGE, twins.PAGE, costs.PAGE]

    def build(self, workers: int) -> Built:
        """Write everything."""
        shutil.copytree(ASSETS, self._folder / "assets")
        rows = sum(listing.rows for listing in self._listings)
        with pool(workers if rows > LIGHT_ROWS else 1) as jobs:
            examples, album = self._make(jobs)
        album.write(self._folder / "data")
        self._write_pages(examples, album)
        files = [path for path in self._folder.rglob("*") if path.is_file()]
        written = sum(path.stat().st_size for path in files)
        return Built(len(self._pages), rows, int((album.forms > 0).sum()), written)

    def _list(self) -> list[Listing]:
        released = [
            list_release(self._store, config, files, self._parts)
            for config, files in release_files(self._store).items()
        ]
        return released + [list_dropped(self._store, name, self._parts) for name in SUBSETS]

    def _make(self, jobs: Pool) -> tuple[list[Examples], Album]:
        sampled = self._sample()
        planned = self._plan_pictures(sampled)
        wanted = [
            name
            for listing in self._listings
            for row, names in listing.recordings.items()
            if listing.pictures[row] in sampled
            for name in names
        ]
        sounds_jobs = plan_sounds(self._store, wanted, self._budget.sound_bytes, self._folder)
        pictures = jobs.start(make_pictures, planned.jobs)
        heard = jobs.start(make_sounds, sounds_jobs)
        read = read_texts(self._store)
        rows = [
            jobs.start(make_rows, rows_jobs(self._store, listing, self._folder, read))
            for listing in self._listings
        ]
        album = Album(planned, list(pictures))
        sounds: dict[str, Sound] = {}
        for found in heard:
            sounds |= found
        return [
            self._finish(listing, made, album, sounds)
            for listing, made in zip(self._listings, rows, strict=True)
            if listing.rows or not listing.dropped
        ], album

    def _finish(
        self, listing: Listing, made: Iterable[RowsMade], album: Album, sounds: dict[str, Sound]
    ) -> Examples:
        limits = policy_limits(self._store, listing.subset.name)
        facts = write_data(listing, made, album, sounds, limits, self._folder)
        return Examples(example_page(listing), listing, facts)

    def _sample(self) -> frozenset[str]:
        """Keys of pictures that are shown large, shared fairly by the pages."""
        left, found = self._budget.large, set[str]()
        waiting = sorted((one for one in self._listings if one.rows), key=lambda one: one.rows)
        for at, listing in enumerate(waiting):
            own = sample(listing.pictures, left // (len(waiting) - at)) - found
            found |= own
            left -= len(own)
        return frozenset(found)

    def _plan_pictures(self, sampled: frozenset[str]) -> Planned:
        forms = {key: 0 for listing in self._listings for key in listing.pictures if key}
        forms |= dict.fromkeys(sampled, LARGE)
        for name in self._twins.pictures() | self._near.pictures():
            if name in self._parts:
                forms[name] = forms.get(name, 0) | MIDDLE
        for name in self._shown | sheets.pictures_of(self._sheets):
            forms[name] |= MIDDLE
        return plan_pictures(self._store, forms, self._parts, self._folder)

    def _write_pages(self, examples: Sequence[Examples], album: Album) -> None:
        known, pages = refusals.remedies(), self._pages
        survival = urls.survival(self._store)
        shelf = twins.Shelf(album, self._captions(self._twins, self._near))
        usage, strip = usage_line(self._store), self._strip(examples, shelf)
        facts = overview.Facts(survival, self._twins, self._near, examples, usage, strip)
        self._write(overview.PAGE, overview.overview_html(self._store, facts, pages))
        for one in examples:
            intro = rules_html(self._store, one.listing) if one.listing.dropped else None
            self._write(one.page, page_html(one.listing, one.page, pages, intro))
        self._write(
            distributions.PAGE, distributions.distributions_html(self._store, examples, pages)
        )
        if sheets.PAGE in pages:
            self._write(sheets.PAGE, sheets.sheets_html(self._sheets, shelf, pages))
        self._write(urls.PAGE, urls.urls_html(survival, known, pages))
        found = refusals.refusals(self._store)
        self._write(refusals.PAGE, refusals.rejects_html(found, known, pages))
        self._write(twins.PAGE, twins.duplicates_html(self._twins, self._near, shelf, pages))
        self._write(costs.PAGE, costs.cost_html(self._store, pages))

    def _strip(self, examples: Sequence[Examples], shelf: twins.Shelf) -> Html | None:
        """Some pictures of the first page of rows, as links to their rows."""
        if not self._shown:
            return None
        first = examples[0]
        place = {key: at for at, key in enumerate(first.listing.pictures)}
        items = [
            el("li", el("a", image, href=f"{first.page.file}#n={place[key]}"))
            for key in sorted(self._shown, key=lambda key: place[key])
            if (image := shelf.image(key)) is not None
        ]
        return el("ul", items, cls="strip", aria_label="Some rows") if items else None

    def _captions(self, found: twins.Duplicates, near: Contaminated) -> dict[str, str]:
        shown = found.pictures() | near.pictures() | self._shown
        wanted = pa.array(sorted(shown), pa.string())
        captions: dict[str, str] = {}
        for info in self._store.infos("captions"):
            table = self._store.read("captions", info.number, ["image_id", "caption"])
            own = table.filter(pc.is_in(table["image_id"], wanted)).to_pylist()
            captions |= {row["image_id"]: row["caption"] for row in own}
        return captions

    def _write(self, page: Page, text: str) -> None:
        path = self._folder / page.file
        path.write_text(text, encoding="utf-8", errors="replace")


def read_texts(store: Store) -> dict[str, str]:
    """The text that was read in pictures, by image id; pictures without any are left out."""
    found: dict[str, str] = {}
    for number in store.part_numbers("ocr"):
        own = store.read_map("ocr", number, "image_id", "text")
        found |= {image_id: text for image_id, text in own.items() if text}
    return found


def policy_limits(store: Store, subset: str) -> dict[str, float]:
    """The limits of the policy that the selection last ran with, by tag; else the defaults."""
    for info in store.infos(f"selected/{subset}"):
        if limits := info.config.get("limits"):
            return {str(name): float(limit) for name, limit in limits}
    return dict(DEFAULT_LIMITS) if subset == "cap" else {}
