"""Converts a TensorFlow.js graph model to ONNX: one small function per operation.

Only the operations that detectors are made of are here; another one is refused by name. TensorFlow
keeps channels last and ONNX first, so layers that know channels are wrapped in transpositions,
which the runtime's optimiser takes out again where two meet. Shapes that the graph computes from
constants are computed here. Nothing of the model is run.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pipelines.services.tfjs_graph import Array, Graph, Node
from schemas.errors import MissingPart, UsageError

OPSET = 18
_FIRST, _LAST = (0, 3, 1, 2), (0, 2, 3, 1)  # channels first, channels last


@dataclass
class _Builder:
    """What is written so far: ONNX nodes and initializers, and the constants by name."""

    onnx: Any
    constants: dict[str, Array]
    nodes: list[Any] = field(default_factory=list)
    initializers: dict[str, Any] = field(default_factory=dict)

    def add(self, op: str, inputs: Sequence[str], outputs: Sequence[str], **settings: Any) -> None:
        """One ONNX node; inputs that are constants become initializers."""
        for name in inputs:
            if name in self.constants:
                self.keep(name, self.constants[name])
        self.nodes.append(self.onnx.helper.make_node(op, list(inputs), list(outputs), **settings))

    def keep(self, name: str, value: Array) -> str:
        """An initializer by its name; integers are 64 bit, as ONNX wants shapes and axes."""
        if name not in self.initializers:
            wide = value.astype(np.int64) if value.dtype.kind == "i" else value
            self.initializers[name] = self.onnx.numpy_helper.from_array(wide, name)
        return name

    def constant(self, node: Node, at: int) -> Array:
        """An input that must be a constant; UsageError where it is computed."""
        name = node.inputs[at]
        if name not in self.constants:
            raise UsageError(f"{node.name} ({node.op}): its input {name} is no constant")
        return self.constants[name]

    def channels_first(
        self, node: Node, op: str, more: Sequence[str] = (), **settings: Any
    ) -> None:
        """A layer that ONNX has with channels first, between two transpositions."""
        before, after = f"{node.name}/first", f"{node.name}/last"
        self.add("Transpose", [node.inputs[0]], [before], perm=_FIRST)
        self.add(op, [before, *more], [after], **settings)
        self.add("Transpose", [after], [node.name], perm=_LAST)


def to_onnx(graph: Graph) -> bytes:
    """The graph as a serialised ONNX model of the same inputs and outputs, all float32.

    MissingPart without the package `onnx`; UsageError for an operation that is not known.
    """
    try:
        import onnx
        import onnx.helper
        import onnx.numpy_helper
    except ImportError as error:
        raise MissingPart(
            "converting a detector needs the package onnx: pip install 'pixmo[detect]'"
        ) from error
    builder = _Builder(onnx, dict(graph.weights))
    for node in graph.nodes:
        _convert(builder, node)
    make, kind = onnx.helper.make_tensor_value_info, onnx.TensorProto.FLOAT
    made = onnx.helper.make_graph(
        builder.nodes,
        "converted",
        [make(graph.input_name, kind, graph.input_shape)],
        [make(name, kind, None) for name in graph.outputs],
        list(builder.initializers.values()),
    )
    opset = [onnx.helper.make_opsetid("", OPSET)]
    model = onnx.helper.make_model(made, opset_imports=opset, producer_name="pixmo")
    model.ir_version = 8  # what opset 18 came with; older runtimes refuse newer ones
    whole: bytes = model.SerializeToString()
    return whole


def _convert(builder: _Builder, node: Node) -> None:
    inputs = [builder.constants.get(name) for name in node.inputs]
    known = [value for value in inputs if value is not None]
    if node.op in _FOLDED and len(known) == len(inputs):
        builder.constants[node.name] = _FOLDED[node.op](*known)
    elif node.op in _OPERATIONS:
        _OPERATIONS[node.op](builder, node)
    elif node.op not in ("Const", "Placeholder"):
        raise UsageError(f"the operation {node.op} of {node.name} cannot be converted to ONNX")


def _sparse_to_dense(at: Array, shape: Array, values: Array, default: Array) -> Array:
    dense = np.full(shape.tolist(), default, values.dtype)
    dense[tuple(np.asarray(at).T)] = values
    return dense


def _conv(builder: _Builder, node: Node) -> None:
    _check_layer(node)
    kernel = builder.keep(f"{node.name}/kernel", builder.constant(node, 1).transpose(3, 2, 0, 1))
    strides, dilations = (node.integers(name)[1:3] for name in ("strides", "dilations"))
    builder.channels_first(node, "Conv", [kernel], strides=strides, dilations=dilations)


def _max_pool(builder: _Builder, node: Node) -> None:
    _check_layer(node)
    kernel, strides = (node.integers(name)[1:3] for name in ("ksize", "strides"))
    builder.channels_first(node, "MaxPool", kernel_shape=kernel, strides=strides)


def _check_layer(node: Node) -> None:
    if (node.text("data_format"), node.text("padding")) != ("NHWC", "VALID"):
        raise UsageError(f"{node.name} ({node.op}): only NHWC without padding can be converted")


def _resize(builder: _Builder, node: Node) -> None:
    if node.flag("align_corners") or not node.flag("half_pixel_centers"):
        raise UsageError(f"{node.name} ({node.op}): only half-pixel centres can be converted")
    # All four sizes, the first two as they are: the runtime's optimiser is wrong about `axes`.
    before, same, sizes = (f"{node.name}/{name}" for name in ("first", "same", "sizes"))
    plane = builder.keep(f"{node.name}/plane", builder.constant(node, 1))
    builder.add("Transpose", [node.inputs[0]], [before], perm=_FIRST)
    builder.add("Shape", [before], [same], start=0, end=2)
    builder.add("Concat", [same, plane], [sizes], axis=0)
    settings = {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}
    builder.add("Resize", [before, "", "", sizes], [f"{node.name}/last"], **settings)
    builder.add("Transpose", [f"{node.name}/last"], [node.name], perm=_LAST)


def _pad(builder: _Builder, node: Node) -> None:
    pads = builder.keep(f"{node.name}/pads", builder.constant(node, 1).T.reshape(-1))
    builder.add("Pad", [node.inputs[0], pads, *node.inputs[2:]], [node.name])


def _split(builder: _Builder, node: Node) -> None:
    sizes = builder.constant(node, 1)
    outputs = [node.name, *(f"{node.name}:{at}" for at in range(1, len(sizes)))]
    axis = int(builder.constant(node, 2))
    builder.add("Split", node.inputs[:2], outputs, axis=axis)


def _concat(builder: _Builder, node: Node) -> None:
    axis = int(builder.constant(node, len(node.inputs) - 1))
    builder.add("Concat", node.inputs[:-1], [node.name], axis=axis)


def _transpose(builder: _Builder, node: Node) -> None:
    perm = builder.constant(node, 1).tolist()
    builder.add("Transpose", node.inputs[:1], [node.name], perm=perm)


def _leaky_relu(builder: _Builder, node: Node) -> None:
    builder.add("LeakyRelu", node.inputs, [node.name], alpha=node.number("alpha"))


def _same(op: str) -> Callable[[_Builder, Node], None]:
    """An operation that ONNX has under this name with the same inputs."""
    return lambda builder, node: builder.add(op, node.inputs, [node.name])


_FOLDED: dict[str, Callable[..., Array]] = {
    "SparseToDense": _sparse_to_dense,
    "AddV2": lambda left, right: np.asarray(left + right),
}
_OPERATIONS: dict[str, Callable[[_Builder, Node], None]] = {
    "Add": _same("Add"),
    "AddV2": _same("Add"),
    "ConcatV2": _concat,
    "Conv2D": _conv,
    "Identity": _same("Identity"),
    "LeakyRelu": _leaky_relu,
    "MaxPool": _max_pool,
    "Pad": _pad,
    "PadV2": _pad,
    "Reshape": _same("Reshape"),
    "ResizeBilinear": _resize,
    "Sigmoid": _same("Sigmoid"),
    "SplitV": _split,
    "Transpose": _transpose,
}
