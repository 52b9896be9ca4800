"""The converter: a graph of every operation that it knows, run by ONNX Runtime and by hand."""

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pipelines.services.tfjs_graph import read_graph
from pipelines.services.tfjs_to_onnx import to_onnx
from schemas.errors import UsageError

Array = NDArray[Any]


class Model:
    """A graph model under construction: constants and nodes, written as the format has them."""

    def __init__(self) -> None:
        self.nodes: list[dict[str, Any]] = []
        self.entries: list[dict[str, Any]] = []
        self.data = b""

    def constant(self, name: str, value: Array, half: bool = False) -> str:
        entry: dict[str, Any] = {"name": name, "shape": list(value.shape)}
        stored = value.astype(np.float16) if half else value
        if half:
            entry["quantization"] = {"dtype": "float16", "original_dtype": "float32"}
        self.entries.append({**entry, "dtype": "float32" if half else value.dtype.name})
        self.data += stored.tobytes()
        self.nodes.insert(0, {"name": name, "op": "Const"})
        return name

    def node(self, op: str, name: str, inputs: list[str], **attributes: Any) -> str:
        self.nodes.insert(0, {"name": name, "op": op, "input": inputs, "attr": attributes})
        return name

    def write(self, folder: Path, shape: list[int], outputs: list[str]) -> Path:
        def signature(name: str, dims: list[int]) -> dict[str, Any]:
            sizes = [{"size": str(size)} for size in dims]
            return {"name": f"{name}:0", "tensorShape": {"dim": sizes}}

        values = {
            "signature": {
                "inputs": {"x:0": signature("x", shape)},
                "outputs": {f"{name}:0": signature(name, []) for name in outputs},
            },
            "modelTopology": {"node": [*self.nodes, {"name": "x", "op": "Placeholder"}]},
            "weightsManifest": [{"paths": ["model.bin"], "weights": self.entries}],
        }
        (folder / "model.bin").write_bytes(self.data)
        path = folder / "model.json"
        path.write_text(json.dumps(values), encoding="utf-8")
        return path


def text(value: str) -> dict[str, str]:
    return {"s": base64.b64encode(value.encode()).decode()}


def integers(*values: int) -> dict[str, Any]:
    return {"list": {"i": [str(value) for value in values]}}


LAYER = {"data_format": text("NHWC"), "padding": text("VALID")}


def ints(*values: int) -> Array:
    return np.array(values, np.int32)


def run(path: Path, x: Array) -> list[Array]:
    runtime = pytest.importorskip("onnxruntime")
    graph = read_graph(path)
    session = runtime.InferenceSession(to_onnx(graph), providers=["CPUExecutionProvider"])
    found: list[Array] = session.run(list(graph.outputs), {graph.input_name: x})
    return found


def values(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def test_layers_with_channels_last(tmp_path: Path) -> None:
    model, kernel = Model(), values(3, 3, 2, 5, seed=1)
    pads = model.constant("pads", np.array([[0, 0], [1, 1], [1, 0], [0, 0]], np.int32))
    padded = model.node("Pad", "padded", ["x", pads])
    k = model.constant("kernel", kernel)
    settings = {"strides": integers(1, 2, 1, 1), "dilations": integers(1, 1, 1, 1)}
    conv = model.node("Conv2D", "conv", [padded, k], **settings, **LAYER)
    bias = model.constant("bias", values(5, seed=2), half=True)
    added = model.node("Add", "added", [conv, bias])
    leaky = model.node("LeakyRelu", "leaky", [added], alpha={"f": 0.1})
    window = {"ksize": integers(1, 2, 2, 1), "strides": integers(1, 1, 1, 1)}
    model.node("MaxPool", "pooled", [leaky], **window, **LAYER)
    x = values(1, 6, 7, 2)
    (found,) = run(model.write(tmp_path, [1, 6, 7, 2], ["pooled"]), x)

    wide = np.pad(x, [(0, 0), (1, 1), (1, 0), (0, 0)])
    rows, columns = (8 - 3) // 2 + 1, 8 - 3 + 1
    patches = [
        [np.tensordot(wide[0, 2 * r : 2 * r + 3, c : c + 3], kernel, 3) for c in range(columns)]
        for r in range(rows)
    ]
    at = np.array(patches) + values(5, seed=2).astype(np.float16).astype(np.float32)
    at = np.where(at > 0, at, 0.1 * at)
    want = np.max([at[:-1, :-1], at[1:, :-1], at[:-1, 1:], at[1:, 1:]], axis=0)
    np.testing.assert_allclose(found[0], want, rtol=1e-4, atol=1e-5)


def test_shapes_that_are_computed_from_constants(tmp_path: Path) -> None:
    model = Model()
    names = [
        model.constant("where", np.zeros((0, 1), np.int32)),
        model.constant("size", ints(3)),
        model.constant("some", np.zeros(0, np.int32)),
        model.constant("zero", np.array(0, np.int32)),
    ]
    dense = model.node("SparseToDense", "dense", names)
    shape = model.node("AddV2", "shape", [model.constant("to", ints(1, 4, 6)), dense])
    flat = model.node("Reshape", "flat", ["x", shape])
    split = [
        flat,
        model.constant("sizes", ints(2, 4)),
        model.constant("axis", np.array(2, np.int32)),
    ]
    model.node("SplitV", "parts", split)
    turned = model.node("Transpose", "turned", ["parts:1", model.constant("perm", ints(0, 2, 1))])
    sharp = model.node("Sigmoid", "sharp", ["parts"])
    back = model.node("Transpose", "back", [sharp, "perm"])
    joined = model.node(
        "ConcatV2", "joined", [back, turned, model.constant("at", np.array(1, np.int32))]
    )
    model.node("Identity", "out", [joined])
    x = values(1, 2, 3, 4)
    (found,) = run(model.write(tmp_path, [1, 2, 3, 4], ["out"]), x)
    left, right = x.reshape(1, 4, 6)[:, :, :2], x.reshape(1, 4, 6)[:, :, 2:]
    want = np.concatenate([1 / (1 + np.exp(-left)), right], axis=2).transpose(0, 2, 1)
    np.testing.assert_allclose(found, want, rtol=1e-5)


def test_pictures_are_resized_about_their_half_pixels(tmp_path: Path) -> None:
    model = Model()
    half = {"half_pixel_centers": {"b": True}, "align_corners": {"b": False}}
    model.node("ResizeBilinear", "wide", ["x", model.constant("to", ints(1, 4))], **half)
    x = np.array([0.0, 1.0], np.float32).reshape(1, 1, 2, 1)
    (found,) = run(model.write(tmp_path, [1, 1, 2, 1], ["wide"]), x)
    assert found.ravel() == pytest.approx([0, 0.25, 0.75, 1])


@pytest.mark.parametrize(
    ("op", "attributes", "said"),
    [
        ("Softmax", {}, "the operation Softmax of out cannot be converted"),
        ("Conv2D", {**LAYER, "padding": text("SAME")}, "only NHWC without padding"),
        ("ResizeBilinear", {"align_corners": {"b": True}}, "only half-pixel centres"),
        ("Transpose", {}, "its input gone is no constant"),
    ],
)
def test_what_is_not_known_is_refused(
    tmp_path: Path, op: str, attributes: dict[str, Any], said: str
) -> None:
    pytest.importorskip("onnx")
    model = Model()
    model.node(op, "out", ["x", "gone"], **attributes)
    model.node("Placeholder", "gone", [])
    with pytest.raises(UsageError, match=said):
        to_onnx(read_graph(model.write(tmp_path, [1, 2, 2, 1], ["out"])))


def test_weights_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    model = Model()
    model.constant("some", values(2))
    model.data += b"more"
    with pytest.raises(UsageError, match="have 12 bytes, the manifest names 8"):
        read_graph(model.write(tmp_path, [1], ["x"]))
    model.entries[0]["quantization"] = {"dtype": "uint8"}
    with pytest.raises(UsageError, match="weights some are uint8"):
        read_graph(model.write(tmp_path, [1], ["x"]))
