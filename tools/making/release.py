"""From what a store holds to its release: the choice of rows, the files, and what describes them.

A change of any table is followed through here too, with the settings of last time.
"""

import contextlib
import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from pipelines.engine import BeamEngine
from pipelines.export import drop_empty_release, export_subset
from pipelines.release_plan import ExportConfig, Exporter, ReleaseShard, plan_release
from pipelines.run_stage import StageResult
from pipelines.selection import Select
from pipelines.selection_own import SelectOwn
from pipelines.splits import SplitStage
from pipelines.subsets.registry import EXPORTS
from schemas.files import write_text
from schemas.locks import hold
from schemas.store import Store
from schemas.tables import TABLES
from tools import recipe as recipes
from tools import stages
from tools.policy import Policies, policies_in_force, remember_policies, selections
from tools.release.describe import describe_release
from tools.strict import build

FOLLOWING = ("duplicates", "splits", "contamination/", "selected/")  # behind pictures and captions
EXPORT = ("stages", "export.json")


def select(run_: stages.Run, stage: Select, policies: Policies) -> StageResult:
    """Apply the policy to one subset and choose one picture per cluster."""
    if not stages.has_rows(run_.store, stage):
        return StageResult(stage.name, stage.table, (), 0, 0, 0.0)
    if not run_.dry:
        remember_policies(run_.store, policies)
    return stages.run(replace(run_, index=0, count=1), _with_shares(run_.store, stage), 1)


def _with_shares(store: Store, stage: Select) -> Select:
    """Pictures of our own making are in no table of splits: they are drawn by the same shares."""
    last = recall_splits(store)
    return replace(stage, **vars(last)) if isinstance(stage, SelectOwn) else stage


def select_all(
    run_: stages.Run, policies: Policies, subsets: Sequence[str] = ()
) -> list[StageResult]:
    """Select the rows of these subsets, without names of all."""
    wanted = [stage for stage in selections(policies) if not subsets or stage.subset in subsets]
    return [select(run_, stage, policies) for stage in wanted]


def export(
    run_: stages.Run, config: ExportConfig, configs: Sequence[str] = ()
) -> list[ReleaseShard]:
    """Write these configs of a release, without names all, and describe the whole of it.

    Returns the files that were (or would be) written; a second export at once is refused.
    """
    if run_.dry:
        return [s for e in _exporters(configs) for s in plan_release(run_.store, e, config)]
    with hold(run_.store, "export"):
        return _export(run_, config, configs)


def _exporters(configs: Sequence[str]) -> list[Exporter]:
    return [exporter for name, exporter in EXPORTS.items() if not configs or name in configs]


def _export(run_: stages.Run, config: ExportConfig, configs: Sequence[str]) -> list[ReleaseShard]:
    # A worker's threads keep two cores busy, and a second process costs seconds of imports.
    store, engine = run_.store, BeamEngine(run_.workers_or(max(1, stages.cores() // 2)), run_.flags)
    values = json.dumps(dataclasses.asdict(config), indent=2, sort_keys=True)
    write_text(store.fs, store.path(*EXPORT), values + "\n")
    exporters = _exporters(configs)
    written = [s for e in exporters for s in export_subset(store, e, config, engine)]
    drop_empty_release(store)
    describe_release(store, config)
    return written


def recall_export(store: Store) -> ExportConfig | None:
    """The settings of the last export of this store; None when there was none."""
    place = store.path(*EXPORT)
    if not store.fs.exists(place):
        return None
    return build(ExportConfig, json.loads(store.fs.cat_file(place)), place)


def recall_splits(store: Store) -> recipes.SplitsRecipe:
    """The shares that splits were last drawn with, else the default."""
    if not stages.was_run(store, SplitStage.name):
        return recipes.SplitsRecipe()
    last = stages.recall(store, SplitStage.name)
    return recipes.SplitsRecipe(last.shares, last.salt)


@dataclass(frozen=True)
class ReleasePlan:
    """What a release is made with; `configs` without names are all."""

    splits: recipes.SplitsRecipe
    policies: Policies
    config: ExportConfig
    configs: tuple[str, ...] = ()


def release(run_: stages.Run, plan: ReleasePlan) -> tuple[list[StageResult], list[ReleaseShard]]:
    """Splits, selection and export in one; a second release at once is refused."""
    with contextlib.nullcontext() if run_.dry else hold(run_.store, "export"):
        drawn = stages.splits(run_, plan.splits)
        subsets = [EXPORTS[name].name for name in plan.configs]
        chosen = select_all(run_, plan.policies, subsets)
        results = [drawn, *(result for result in chosen if result.infos or result.ran)]
        if run_.dry:
            return results, export(run_, plan.config, plan.configs)
        return results, _export(run_, plan.config, plan.configs)


def bring_up_to_date(run_: stages.Run) -> list[StageResult]:
    """Let everything behind the captions follow what has changed, with the settings of last time.

    Duplicates, splits, evidence, selections and the release are done again as far as they were ever
    done; no model is called, and nothing is fetched.
    """
    whole, store = replace(run_, index=0, count=1), run_.store
    results = []
    for table, kind in TABLES.items():
        again = stages.was_run(store, kind.made_by)
        if again and kind.made_by in stages.STAGES and table.startswith(FOLLOWING):
            results.append(
                stages.run(whole, _last(store, kind.made_by), run_.workers_or(stages.cores()))
            )
    if (config := recall_export(store)) is not None:
        export(whole, config)
    return results


def _last(store: Store, name: str) -> Any:
    """A stage as it was last run; a selection under the policy in force, defaults as of today."""
    if name in stages.SELECTING:
        found = next(s for s in selections(policies_in_force(store)) if s.name == name)
        return _with_shares(store, found)
    return stages.recall(store, name)
