"""NanoDet (RangiLyu/nanodet, Apache-2.0) at 416 pixels, run by ONNX Runtime on the CPU.

The weights come as a TensorFlow.js graph and are converted when they are loaded, which takes a
fifth of a second. Pictures are letterboxed on black, blue first, normalised as NanoDet was trained
(`config/legacy_v0.x_configs/nanodet-m-416.yml` of its repository); its classes are those of COCO.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipelines.services.tfjs_graph import read_graph
from pipelines.services.tfjs_to_onnx import to_onnx
from pipelines.steps.boxes import Floats, Letterbox, decode_distances, suppress
from schemas.errors import MissingPart
from schemas.subset_records import DetectedBox

GRAPH_FILE = "nanodet.json"
STRIDES = (8, 16, 32)
_MEAN = np.array([103.53, 116.28, 123.675], np.float32)  # blue, green, red
_DEVIATION = np.array([57.375, 57.12, 58.395], np.float32)
# In the order of the network's outputs.
LABELS = tuple(
    """person, bicycle, car, motorcycle, airplane, bus, train, truck, boat, traffic light,
    fire hydrant, stop sign, parking meter, bench, bird, cat, dog, horse, sheep, cow, elephant,
    bear, zebra, giraffe, backpack, umbrella, handbag, tie, suitcase, frisbee, skis, snowboard,
    sports ball, kite, baseball bat, baseball glove, skateboard, surfboard, tennis racket, bottle,
    wine glass, cup, fork, knife, spoon, bowl, banana, apple, sandwich, orange, broccoli, carrot,
    hot dog, pizza, donut, cake, chair, couch, potted plant, bed, dining table, toilet, tv, laptop,
    mouse, remote, keyboard, cell phone, microwave, oven, toaster, sink, refrigerator, book, clock,
    vase, scissors, teddy bear, hair drier, toothbrush""".replace("\n    ", " ").split(", ")
)


class NanoDet:
    """The network of a model folder; one thread per call, so callers bring as many as they like."""

    def __init__(
        self, folder: Path, lowest_score: float, max_overlap: float, most_boxes: int
    ) -> None:
        try:
            import onnxruntime
        except ImportError as error:
            raise MissingPart(
                "detecting needs ONNX Runtime: pip install 'pixmo[detect]'"
            ) from error
        graph = read_graph(folder / GRAPH_FILE)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            to_onnx(graph), options, providers=["CPUExecutionProvider"]
        )
        self._input, self._side = graph.input_name, graph.input_shape[2]
        self._outputs = list(graph.outputs)
        self._limits = lowest_score, max_overlap, most_boxes

    def detect(self, pixels: NDArray[np.uint8]) -> tuple[DetectedBox, ...]:
        """As Detector has it."""
        height, width, _ = pixels.shape
        frame = Letterbox(width, height, self._side)
        found = self._session.run(self._outputs, {self._input: _prepared(pixels, frame)})
        half = len(STRIDES)
        classes = np.concatenate([scores[0] for scores in found[:half]])
        boxes = np.concatenate(
            [
                decode_distances(scores[0], stride, self._side // stride)
                for scores, stride in zip(found[half:], STRIDES, strict=True)
            ]
        )
        return best_boxes(frame.to_percent(boxes), classes, *self._limits)


def _prepared(pixels: NDArray[np.uint8], frame: Letterbox) -> Floats:
    """The network's input (1, 3, side, side)."""
    inner = Image.fromarray(pixels).resize(frame.inner, Image.Resampling.BILINEAR)
    square = Image.new("RGB", (frame.side, frame.side))
    square.paste(inner, frame.offset)
    values = (np.asarray(square, np.float32)[:, :, ::-1] - _MEAN) / _DEVIATION
    return np.ascontiguousarray(values.transpose(2, 0, 1)[None])


def best_boxes(
    boxes: Floats, classes: Floats, lowest_score: float, max_overlap: float, most_boxes: int
) -> tuple[DetectedBox, ...]:
    """What is kept of boxes (n, 4) in percent with their scores by class (n, classes), best first.

    A place is one object of its best class; boxes without area are none.
    """
    labels, scores = classes.argmax(axis=1), classes.max(axis=1)
    some = (boxes[:, :2] < boxes[:, 2:]).all(axis=1) & (scores >= lowest_score)
    boxes, labels, scores = boxes[some], labels[some], scores[some]
    kept: list[int] = []
    for label in np.unique(labels):
        own = np.flatnonzero(labels == label)
        kept += own[suppress(boxes[own], scores[own], max_overlap)].tolist()
    found = [_box(boxes[at], LABELS[labels[at]], float(scores[at])) for at in kept]
    found.sort(key=lambda box: (-box.score, box.label, box.left, box.top))
    return tuple(found[:most_boxes])


def _box(box: Floats, label: str, score: float) -> DetectedBox:
    left, top, right, bottom = (round(float(value), 4) for value in box)
    return DetectedBox(label, round(score, 4), left, top, right, bottom)
