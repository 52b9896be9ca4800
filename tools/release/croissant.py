"""Croissant metadata of a release, as plain JSON-LD (http://mlcommons.org/croissant/1.1).

Every data file is a FileObject with its checksum, every config a FileSet of its files and a
RecordSet of its columns, with the split read from the file's name. Paths are relative to the folder
that holds `croissant.json`, and so is the address of the data set: a release does not know where it
will be published.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from schemas.ids import content_id
from schemas.manifest import ReleaseFile
from schemas.subsets import IMAGE_TYPE
from tools.release.contents import ConfigContents
from tools.release.hub_licences import licence_url

VERSION = "http://mlcommons.org/croissant/1.1"
PARQUET = "application/x-parquet"
# The context of the specification; a validator warns of any other.
_CR = """annotation arrayShape citeAs column containedIn equivalentProperty excludes extract field
fileProperty fileObject fileSet format includes isArray isLiveDataset jsonPath key md5 parentField
path readLines recordSet references regex repeated replace samplingRate separator source subField
transform unArchive value"""
CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    **{name: f"cr:{name}" for name in _CR.split()},
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "description": {"@container": "@language"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "name": {"@container": "@language"},
    "rai": "http://mlcommons.org/croissant/RAI/",
    "sc": "https://schema.org/",
}
_TYPES = {
    pa.string(): "sc:Text",
    pa.bool_(): "sc:Boolean",
    pa.int32(): "cr:Int32",
    pa.int64(): "cr:Int64",
    pa.float32(): "cr:Float32",
    pa.float64(): "cr:Float64",
}
URL_COLUMN = "image_url"


@dataclass(frozen=True)
class About:
    """What is said of the data set as a whole; `published` is a day (YYYY-MM-DD) or empty."""

    title: str
    license: str
    published: str = ""
    languages: tuple[str, ...] = ()


def croissant_text(
    about: About, configs: tuple[ConfigContents, ...], files: Iterable[ReleaseFile]
) -> str:
    """The JSON-LD document; `files` gives the checksums of the configs' files."""
    known = {file.path: file for file in files}
    own = [known[data.path] for config in configs for data in config.files]
    document = {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": VERSION,
        **_metadata(about, configs, own),
        "distribution": [*map(_file_object, own), *map(_file_set, configs)],
        "recordSet": [record for config in configs for record in _record_sets(config)],
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _metadata(
    about: About, configs: tuple[ConfigContents, ...], files: list[ReleaseFile]
) -> dict[str, Any]:
    title = " ".join(about.title.split())
    rows = ", ".join(f"{config.name} ({config.total} rows)" for config in configs)
    digest = content_id(*(f"{file.path} {file.sha256}" for file in files))[:12]
    slug = re.sub(r"\W+", "_", title).strip("_").lower() or "dataset"
    values = {
        "name": title,
        "description": f"{title}: {rows}. Made with pixmo from pictures and what people said.",
        "license": licence_url(about.license),
        "url": "./",
        "version": f"1.0.0+{digest}",
        "datePublished": about.published,
        "citeAs": f"@misc{{{slug}, title = {{{title}}}, note = {{version 1.0.0+{digest}}}}}",
        "inLanguage": list(about.languages),
    }
    return {key: value for key, value in values.items() if value}


def _file_object(file: ReleaseFile) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": file.path,
        "name": file.path,
        "contentUrl": file.path,
        "contentSize": f"{file.bytes} B",
        "encodingFormat": PARQUET,
        "sha256": file.sha256,
    }


def _set_id(config: ConfigContents) -> str:
    return f"{config.name}-files"


def _file_set(config: ConfigContents) -> dict[str, Any]:
    return {
        "@type": "cr:FileSet",
        "@id": _set_id(config),
        "name": _set_id(config),
        "encodingFormat": PARQUET,
        "includes": f"{config.name}/*.parquet",
    }


def _record_sets(config: ConfigContents) -> list[dict[str, Any]]:
    splits = f"{config.name}-splits"
    key = f"{splits}/name"
    names = {
        "@type": "cr:RecordSet",
        "@id": splits,
        "name": splits,
        "dataType": "cr:Split",
        "key": {"@id": key},
        "field": [{"@type": "cr:Field", "@id": key, "name": "name", "dataType": "sc:Text"}],
        "data": [{key: split} for split in config.rows],
    }
    rows = {
        "@type": "cr:RecordSet",
        "@id": config.name,
        "name": config.name,
        "field": [_split_field(config, key), *(_column(config, f) for f in config.schema)],
    }
    return [names, rows]


def _split_field(config: ConfigContents, key: str) -> dict[str, Any]:
    # A path, or what was found in it before: readers apply this again when they join the splits.
    names = "|".join(re.escape(split) for split in config.rows)
    source = {
        "fileSet": {"@id": _set_id(config)},
        "extract": {"fileProperty": "fullpath"},
        "transform": {"regex": f"^(?:{config.name}/)?({names})(?:-.+parquet)?$"},
    }
    return {
        "@type": "cr:Field",
        "@id": f"{config.name}/split",
        "name": "split",
        "dataType": "sc:Text",
        "source": source,
        "references": {"field": {"@id": key}},
    }


def _column(config: ConfigContents, column: pa.Field) -> dict[str, Any]:
    source = {"fileSet": {"@id": _set_id(config)}, "extract": {"column": column.name}}
    return _field(f"{config.name}/{column.name}", column.name, column.type, source)


def _field(where: str, name: str, kind: pa.DataType, source: dict[str, Any]) -> dict[str, Any]:
    """A field of any type that subsets have: lists become arrays, structs fields with subfields."""
    field: dict[str, Any] = {"@type": "cr:Field", "@id": where, "name": name}
    if kind == IMAGE_TYPE:
        return {**field, "dataType": "sc:ImageObject", "source": _part(source, "bytes")}
    depth = 0
    while pa.types.is_list(kind):
        kind, depth = kind.value_type, depth + 1
    shape = {"isArray": True, "arrayShape": ",".join(["-1"] * depth)} if depth else {}
    if pa.types.is_struct(kind):
        parts = [_field(f"{where}/{f.name}", f.name, f.type, _part(source, f.name)) for f in kind]
        return {**field, **shape, "subField": parts}
    text = "sc:URL" if name == URL_COLUMN else _TYPES[kind]
    return {**field, **shape, "dataType": text, "source": source}


def _part(source: dict[str, Any], name: str) -> dict[str, Any]:
    return {**source, "transform": {"jsonPath": name}}
