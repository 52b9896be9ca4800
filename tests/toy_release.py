"""A small release with real Parquet shards, a card with our markers, and a manifest."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from fsspec.implementations.local import LocalFileSystem

from schemas.ids import sha256_hex
from schemas.manifest import ReleaseFile, ReleaseManifest, write_manifest
from tools.release.card import END, START

CONFIG = "cap"


def make_release(
    folder: Path, shards: int = 3, seed: int = 0, images: str = "url", right: str = ""
) -> Path:
    """Write a release with one config; the same arguments give the same bytes."""
    release = folder / "release"
    for number in range(shards):
        name = f"train-{number:05d}-of-{shards:05d}.parquet"
        texts = [f"A toy, {seed}, {number}, {row}." for row in range(3)]
        put_table(release / CONFIG / name, {"caption": texts})
        put_table(release / "lineage" / CONFIG / name, {"model": texts})
    (release / "README.md").write_text(card(seed), encoding="utf-8")
    (release / "croissant.json").write_text(f'{{"seed": {seed}}}\n', encoding="utf-8")
    describe(release, images, right)
    return release


def put_table(path: Path, columns: dict[str, list[str]]) -> None:
    """Write a Parquet file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path)


def card(seed: int = 0) -> str:
    """A card as `pixmo export all` writes it, in small."""
    header = (
        "license: cc0-1.0\nconfigs:\n- config_name: cap\n  data_files:\n  - split: train\n"
        "    path: cap/train-*.parquet\n"
    )
    return f"---\n{header}---\n\n{START}\n# Toys {seed}\n{END}\n"


def describe(release: Path, images: str = "url", right: str = "") -> None:
    """Write the manifest over all files that are there."""
    paths = sorted(p for p in release.rglob("*") if p.is_file() and p.name != "manifest.json")
    files = tuple(
        ReleaseFile(
            str(p.relative_to(release)), sha256_hex(p.read_bytes()), p.stat().st_size, rows=0
        )
        for p in paths
    )
    manifest = ReleaseManifest(
        title="Toys",
        license="cc0-1.0",
        code_version="0.1.0",
        embedding_right=right,
        images={CONFIG: images},
        files=files,
    )
    write_manifest(LocalFileSystem(), str(release), manifest)


def contents(folder: Path) -> dict[str, bytes]:
    """All files by path, without the library's own notes."""
    found = {str(p.relative_to(folder)): p for p in folder.rglob("*") if p.is_file()}
    return {name: p.read_bytes() for name, p in found.items() if not name.startswith(".")}
