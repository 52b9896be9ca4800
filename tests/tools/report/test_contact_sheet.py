"""The contact sheet: thirty pictures of what pixmo drew itself, each a link to its row."""

from schemas.subsets import SUBSET_OF_CONFIG
from tools.report.contact_sheet import EACH, find_sheets, pictures_of
from tools.report.listing import Listing


def listing(config: str, rows: int, dropped: bool = False) -> Listing:
    found = Listing(config, SUBSET_OF_CONFIG[config.removesuffix("-dropped")], dropped)
    found.pictures = [f"{config}#{at}" for at in range(rows)]
    return found


def test_configs_share_the_sheet_and_small_ones_are_shown_whole() -> None:
    listings = [
        *(listing("docs_charts", 500), listing("docs_tables", 3), listing("docs_other", 90)),
        *(listing("clocks", 7), listing("clocks-dropped", 9, dropped=True)),
    ]
    docs, clocks = find_sheets(listings)
    assert [sheet.title for sheet in (docs, clocks)] == ["Documents", "Clocks"]
    shown = [one.name for one, _, _ in docs.shown]
    assert len(shown) == EACH
    assert shown.count("docs_tables") == 3
    assert abs(shown.count("docs_charts") - shown.count("docs_other")) <= 1
    assert {key for _, _, key in clocks.shown} == {f"clocks#{at}" for at in range(7)}
    for one, row, key in (*docs.shown, *clocks.shown):
        assert one.pictures[row] == key
    assert pictures_of(find_sheets(listings)) == pictures_of([docs, clocks])


def test_without_such_pictures_there_is_no_sheet() -> None:
    assert not pictures_of(find_sheets([listing("points", 5)]))
