"""The page of duplicates: clusters side by side, pairs that were looked at and refused, and what
came near an evaluation set.

A member is shown turned as the evidence says, so that eyes compare like with like.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pipelines.steps.phash import ORIENTATIONS
from schemas.records import Duplicate, DuplicatePair
from schemas.store import Store
from tools.report.contamination import Contaminated, contamination_html
from tools.report.markup import Html, Page, document, el, empty, number, section
from tools.report.picture_plan import Album
from tools.report.pictures import MIDDLE

PAGE = Page("duplicates.html", "Duplicates", "Duplicates", "Store")
MOST = 120  # clusters by size, and as many by doubt; pairs
_MEMBERS = 8
# What CSS does to show ORIENTATIONS[k] of a picture in a square box.
_TURNS = (
    *("", "scaleX(-1)", "rotate(180deg)", "scaleY(-1)"),
    *("matrix(0,1,1,0,0,0)", "rotate(90deg)", "matrix(0,-1,-1,0,0,0)", "rotate(-90deg)"),
)


@dataclass(frozen=True)
class Cluster:
    """A star: its representative, the size that was counted, and its most doubtful members."""

    representative_id: str
    size: int
    members: tuple[Duplicate, ...]

    @property
    def doubt(self) -> float:
        """The highest grey difference in it."""
        return max((member.grey_difference for member in self.members), default=0.0)


@dataclass(frozen=True)
class Duplicates:
    """What the page shows, and how many there are of what it shows some of."""

    clusters: tuple[Cluster, ...]
    all_clusters: int
    kinds: Mapping[str, int]
    refused: tuple[DuplicatePair, ...]
    all_refused: int

    def pictures(self) -> set[str]:
        """The ids of all pictures on the page."""
        ids = {cluster.representative_id for cluster in self.clusters}
        ids |= {member.image_id for cluster in self.clusters for member in cluster.members}
        return ids | {name for pair in self.refused for name in (pair.left_id, pair.right_id)}


def find_duplicates(store: Store) -> Duplicates:
    """The largest and the most doubtful clusters, and refused pairs nearest to acceptance."""
    stars: dict[str, list[Duplicate]] = {}
    kinds: dict[str, int] = {}
    for info in store.infos("duplicates"):
        for row in store.read("duplicates", info.number).to_pylist():
            kinds[row["kind"]] = kinds.get(row["kind"], 0) + 1
            if row["image_id"] != row["representative_id"]:
                stars.setdefault(row["representative_id"], []).append(Duplicate(**row))
    clusters = [_cluster(name, members) for name, members in stars.items()]
    large = sorted(clusters, key=lambda c: (-c.size, c.representative_id))[:MOST]
    doubtful = sorted(clusters, key=lambda c: (-c.doubt, c.representative_id))[:MOST]
    shown = {cluster.representative_id: cluster for cluster in (*large, *doubtful)}
    refused = [
        pair
        for info in store.infos("duplicate_pairs")
        for pair in store.records("duplicate_pairs", info.number, DuplicatePair)
        if not pair.verified
    ]
    near = sorted(refused, key=lambda pair: (pair.grey_difference, pair.pair_id))[:MOST]
    return Duplicates(tuple(shown.values()), len(clusters), kinds, tuple(near), len(refused))


def _cluster(name: str, members: list[Duplicate]) -> Cluster:
    ranked = sorted(members, key=lambda one: (-one.grey_difference, -one.distance, one.image_id))
    return Cluster(name, len(members) + 1, tuple(ranked[:_MEMBERS]))


@dataclass(frozen=True)
class Shelf:
    """Pictures by id as a page shows them, with captions as their alternative texts."""

    album: Album
    captions: Mapping[str, str]

    def figure(self, image_id: str, label: str, orientation: int = 0) -> Html:
        """A picture in a square, turned, with a line below it."""
        found = self.image(image_id, orientation)
        missing = el("span", "picture missing", cls="missing") if found is None else None
        box = el("span", found, missing, cls="square")
        return el("figure", box, el("figcaption", label), cls="pic")

    def image(self, image_id: str, orientation: int = 0) -> Html | None:
        """The picture alone; None when there is none to show."""
        if not self.album.has(image_id, MIDDLE):
            return None
        at = self.album.number(image_id)
        turn = _TURNS[orientation]
        alt = self.captions.get(image_id, "")[:200] or f"picture {image_id[:12]}, no caption"
        source, style = f"middle/{at}.jpg", f"transform:{turn}" if turn else None
        return el("img", src=source, alt=alt, loading="lazy", style=style)


def duplicates_html(
    found: Duplicates, near: Contaminated, shelf: Shelf, pages: Sequence[Page]
) -> str:
    """The page."""
    parts = (
        ("clusters", f"Clusters ({number(found.all_clusters)})", _clusters(found, shelf)),
        ("refused", f"Refused pairs ({number(found.all_refused)})", _refused(found, shelf)),
        ("evaluation", f"Evaluation sets ({number(near.rows)})", contamination_html(near, shelf)),
    )
    links = [el("li", el("a", title, href=f"#{anchor}")) for anchor, title, _ in parts]
    main = [
        el("h1", "Duplicates"),
        _kinds(found.kinds),
        el("nav", el("ul", links), cls="contents", aria_label="On this page"),
        [section(title, html, anchor=anchor) for anchor, title, html in parts],
    ]
    return document(PAGE, pages, main, ("clusters.js",))


def _kinds(kinds: Mapping[str, int]) -> Html:
    if not kinds:
        return empty("Duplicates have not been looked for yet.", "Run pixmo dedupe.")
    words = {
        "unique": "stand alone or for their cluster",
        "exact": "have the same bytes as another",
        "near": "are near-duplicates of another",
        "blank": "are too uniform to compare",
    }
    items = [
        el("li", el("b", number(kinds.get(kind, 0))), f" {text}") for kind, text in words.items()
    ]
    return el("ul", items, cls="tally")


def _clusters(found: Duplicates, shelf: Shelf) -> list[Html]:
    if not found.clusters:
        return [empty("No picture has a duplicate.")]
    ranked = sorted(found.clusters, key=lambda c: (-c.size, c.representative_id))
    note = (
        f"{number(len(ranked))} of {number(found.all_clusters)} clusters: the largest, and those "
    )
    order = el(
        "fieldset",
        el("legend", "Order"),
        _order("size", "largest first", True),
        _order("doubt", "most doubtful first", False),
        cls="order",
        id="cluster-order",
    )
    boxes = [_cluster_box(cluster, shelf) for cluster in ranked]
    return [
        el("p", note, "whose grey pictures differ most."),
        order,
        el("div", boxes, id="boxes", cls="clusters"),
    ]


def _order(value: str, label: str, checked: bool) -> Html:
    button = el("input", type="radio", name="order", value=value, checked=checked)
    return el("label", button, f" {label}")


def _cluster_box(cluster: Cluster, shelf: Shelf) -> Html:
    more = cluster.size - 1 - len(cluster.members)
    figures = [shelf.figure(cluster.representative_id, "kept: stands for the others")]
    figures += [shelf.figure(m.image_id, _evidence(m), m.orientation) for m in cluster.members]
    title = f"{number(cluster.size)} pictures, grey difference up to {cluster.doubt:.3f}"
    rest = el("p", f"and {number(more)} more", cls="facts") if more > 0 else None
    name = f"cluster-{cluster.representative_id[:12]}"
    return el(
        "article",
        el("h3", title, id=name),
        el("div", figures, cls="pics"),
        rest,
        cls="cluster wide" if len(figures) > 3 else "cluster",
        data_size=cluster.size,
        data_doubt=f"{cluster.doubt:.4f}",
        aria_labelledby=name,
    )


def _evidence(member: Duplicate) -> str:
    if member.kind == "exact":
        return "exact: same bytes"
    return f"{member.kind}: {evidence(member.distance, member.grey_difference, member.orientation)}"


def evidence(distance: int, grey_difference: float, orientation: int) -> str:
    """Distance, grey difference and turn in words."""
    turned = f", shown turned: {ORIENTATIONS[orientation].replace('_', ' ')}" if orientation else ""
    return f"{distance} bits, grey difference {grey_difference:.3f}{turned}"


def _refused(found: Duplicates, shelf: Shelf) -> list[Html]:
    if not found.refused:
        return [empty("No pair within the radius was refused.")]
    note = (
        f"{number(len(found.refused))} of {number(found.all_refused)} pairs whose hashes are "
        "within the radius, but whose grey pictures differ too much; those nearest to acceptance "
        "first."
    )
    return [el("p", note), el("div", list(_pairs(found.refused, shelf)), cls="grid")]


def _pairs(pairs: Iterable[DuplicatePair], shelf: Shelf) -> Iterable[Html]:
    for pair in pairs:
        words = evidence(pair.distance, pair.grey_difference, pair.orientation)
        left = shelf.figure(pair.left_id, words, pair.orientation)
        figures = (left, shelf.figure(pair.right_id, pair.right_id[:12]))
        label = f"Refused pair {pair.left_id[:12]} and {pair.right_id[:12]}"
        yield el("article", el("div", figures, cls="pics"), cls="cluster", aria_label=label)
