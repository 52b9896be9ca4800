"""Reads a TensorFlow.js graph model: a JSON file with the graph and a file with all its weights.

The format is that of `tfjs-converter`: `modelTopology.node` is a TensorFlow GraphDef as JSON, with
64-bit integers and bytes as strings; `weightsManifest` names the weights in the order of their
bytes. Half-precision weights are widened; other quantisations are refused.
"""

import base64
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.errors import UsageError

Array = NDArray[Any]
_DTYPES = {"float32": np.float32, "float16": np.float16, "int32": np.int32}


@dataclass(frozen=True)
class Node:
    """One operation: `inputs` are names of nodes, `name:1` the second output of one."""

    name: str
    op: str
    inputs: tuple[str, ...]
    attributes: Mapping[str, Any]

    def integers(self, name: str) -> list[int]:
        """An attribute that is a list of integers."""
        return [int(value) for value in self.attributes[name]["list"]["i"]]

    def number(self, name: str) -> float:
        """An attribute that is a number."""
        return float(self.attributes[name]["f"])

    def text(self, name: str) -> str:
        """An attribute that is a text."""
        return base64.b64decode(self.attributes[name]["s"]).decode("ascii")

    def flag(self, name: str) -> bool:
        """An attribute that is true or false; false where it is absent."""
        return bool(self.attributes.get(name, {}).get("b", False))


@dataclass(frozen=True)
class Graph:
    """Nodes, each behind those that it reads; weights by node; the input's shape; output names."""

    nodes: tuple[Node, ...]
    weights: Mapping[str, Array]
    input_name: str
    input_shape: tuple[int, ...]
    outputs: tuple[str, ...]


def read_graph(model: Path) -> Graph:
    """The graph model of a JSON file whose weights lie beside it.

    UsageError for weights that are not where the manifest says, or of an unknown type.
    """
    values = json.loads(model.read_text(encoding="utf-8"))
    weights: dict[str, Array] = {}
    for group in values["weightsManifest"]:
        data = b"".join((model.parent / path).read_bytes() for path in group["paths"])
        weights |= _weights(model.name, group["weights"], data)
    nodes = {one["name"]: _node(one) for one in values["modelTopology"]["node"]}
    order = TopologicalSorter({n: map(producer, node.inputs) for n, node in nodes.items()})
    (given,) = values["signature"]["inputs"].values()
    return Graph(
        nodes=tuple(nodes[name] for name in order.static_order()),
        weights=weights,
        input_name=producer(given["name"]),
        input_shape=tuple(int(dim["size"]) for dim in given["tensorShape"]["dim"]),
        outputs=tuple(sorted(producer(o["name"]) for o in values["signature"]["outputs"].values())),
    )


def producer(name: str) -> str:
    """The node whose output an input is: `split:1` is an output of `split`."""
    return name.partition(":")[0]


def _node(value: Mapping[str, Any]) -> Node:
    inputs = tuple(name for name in value.get("input", ()) if not name.startswith("^"))
    return Node(value["name"], value["op"], inputs, value.get("attr", {}))


def _weights(model: str, entries: Sequence[Mapping[str, Any]], data: bytes) -> dict[str, Array]:
    found: dict[str, Array] = {}
    at = 0
    for entry in entries:
        stored = entry.get("quantization", {}).get("dtype", entry["dtype"])
        if stored not in _DTYPES:
            raise UsageError(f"{model}: weights {entry['name']} are {stored}, which is not known")
        size = math.prod(entry["shape"])
        flat = np.frombuffer(data, np.dtype(_DTYPES[stored]).newbyteorder("<"), size, at)
        found[entry["name"]] = flat.reshape(entry["shape"]).astype(_DTYPES[entry["dtype"]])
        at += flat.nbytes
    if at != len(data):
        raise UsageError(f"{model}: the weights have {len(data)} bytes, the manifest names {at}")
    return found
