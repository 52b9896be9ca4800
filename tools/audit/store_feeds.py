"""Parts against the parts that they were made from: nothing left out, nothing changed since."""

from collections.abc import Iterator, Mapping

from pipelines.stage import whole_table
from schemas.store import PartInfo, Store
from schemas.tables import TABLES
from tools.audit.findings import Notes

Infos = Mapping[str, Mapping[int, PartInfo]]


def check_feeds(notes: Notes, store: Store, infos: Infos) -> None:
    """Every table against its feed; `infos` are the footers of committed parts by table."""
    there = {table: store.part_numbers(table) for table in TABLES}
    wholes = {table: whole_table(table, infos[table].values())[0][1] for table in TABLES}
    for table in TABLES:
        _check_absent(notes, store, table, there)
        for info in infos[table].values():
            for promise, message in _problems(info, infos, wholes):
                notes.fail(promise, f"{table}/{info.number}", message)
            notes.check("inputs", len(info.inputs))


def _check_absent(notes: Notes, store: Store, table: str, there: Mapping[str, list[int]]) -> None:
    """Parts that should be there: of some only the rejects are left, of others only the input."""
    numbers, feed = set(there[table]), TABLES[table].fed_by
    rejects = set(store.part_numbers(f"rejects/{table}")) - numbers
    for number in sorted(rejects):
        notes.fail("whole", f"{table}/{number}", "has rejects but no records")
    if numbers and feed:
        for number in sorted(set(there[feed]) - numbers - rejects):
            message = f"is missing, though {feed} has this part"
            notes.fail("whole", f"{table}/{number}", message)


def _problems(info: PartInfo, infos: Infos, wholes: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    feed = TABLES[info.table].fed_by
    source = infos[feed].get(info.number) if feed else None
    if feed and source is None:
        yield "conservation", f"{feed} has no such part"
    elif source and source.records != info.rows_in:
        said = f"{feed} holds {source.records} records, but {info.rows_in} came in"
        yield "conservation", said
    for name, content in info.inputs.items():
        now = _content_now(name, infos, wholes)
        if now is not None and now != content:
            yield "inputs", f"{name} has changed since"


def _content_now(name: str, infos: Infos, wholes: Mapping[str, str]) -> str | None:
    """The content of an input as it is now; None for what is no table or not there."""
    if name in wholes:
        return wholes[name]
    table, _, number = name.rpartition("/")
    if table not in infos or not number.isdecimal():
        return None
    info = infos[table].get(int(number))
    return info.content if info else None
