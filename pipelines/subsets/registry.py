"""All subsets that can be released: one line each in what chooses, compares and exports rows.

A subset is a module of this folder; what it adds is listed here and nowhere else.
"""

from pipelines.decontaminate_text import DecontaminateText
from pipelines.release_plan import Exporter
from pipelines.selection import Select
from pipelines.subsets.ask_model_anything import (
    ASK_MODEL_ANYTHING,
    DecontaminateAskModelAnything,
    SelectAskModelAnything,
)
from pipelines.subsets.cap import CAP, DecontaminateCap, SelectCap
from pipelines.subsets.cap_qa import CAP_QA, DecontaminateCapQa, SelectCapQa
from pipelines.subsets.clocks import CLOCKS, SelectClocks
from pipelines.subsets.count import COUNT, SelectCount
from pipelines.subsets.docs import DOCS, DecontaminateDocs, SelectDocs
from pipelines.subsets.point_explanations import (
    POINT_EXPLANATIONS,
    DecontaminatePointExplanations,
    SelectPointExplanations,
)
from pipelines.subsets.points import POINTS, SelectPoints

_SELECTS: tuple[type[Select], ...] = (
    SelectCap,
    SelectPoints,
    SelectPointExplanations,
    SelectAskModelAnything,
    SelectCapQa,
    SelectCount,
    SelectDocs,
    SelectClocks,
)
TEXT_STAGES: tuple[type[DecontaminateText], ...] = (
    DecontaminateCap,
    DecontaminatePointExplanations,
    DecontaminateAskModelAnything,
    DecontaminateCapQa,
    DecontaminateDocs,
)
_EXPORTERS: tuple[Exporter, ...] = (
    CAP,
    POINTS,
    POINT_EXPLANATIONS,
    ASK_MODEL_ANYTHING,
    CAP_QA,
    COUNT,
    *DOCS,
    CLOCKS,
)
SELECTS = {cls.subset: cls for cls in _SELECTS}
EXPORTS = {exporter.config: exporter for exporter in _EXPORTERS}
