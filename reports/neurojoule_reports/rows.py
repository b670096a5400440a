"""One record to one flat row.

Energy is CPU + GPU (`record.ranked_j`); RAM stands apart, because most meters give it a constant
power.
"""

import statistics
from typing import Literal

import msgspec

from neurojoule import ledger
from neurojoule import record as rec
from neurojoule.spec import Size
from neurojoule_reports.columns import MEASURES
from neurojoule_reports.naming import Name, option_words, recipe_words

RANKED = ("cpu", "gpu")
"""The components whose energy is ranked."""

TARGET_COLUMNS = ("target_step", "target_time_s", "target_energy_j", "target_flops")


def row(r: rec.Record, called: Name | None = None) -> dict[str, object]:
    """The run's row: names and meanings as in `columns.RUN_COLUMNS`, None where not known.

    `called` is what tells its arm from others (`naming.names`); alone it has all its options.
    """
    spec = r.spec
    called = called or Name(spec.options)
    brief = msgspec.structs.replace(spec, options=called.options)
    out: dict[str, object] = {
        name: getattr(r, name)
        for name in (
            "run_id", "spec_hash", "family", "status", "energy_valid", "error", "started_utc",
            "attempts", "validation_time_s", "footprint_j", "fingerprint", "git_commit",
            "git_dirty", "claims_hash", "resume_key",
        )
    }  # fmt: skip
    out |= {name: getattr(spec, name) for name in ("suite", "task", "scale", "share", "seed")}
    out |= {
        "machine": r.machine.name,
        "setup": str(spec.setup),
        "setting": f"{r.machine.name} \u00b7 {spec.setup} \u00b7 {spec.scale}",
        "model": f"{msgspec.structs.replace(brief, size=Size(), share=1.0).arm}{called.suffix}",
        "arm": f"{brief.arm}{called.suffix}",
        "design": msgspec.structs.replace(brief, share=1.0).arm,
        "options": option_words(spec.options),
        "steps": spec.recipe.steps,
        "recipe": recipe_words(spec.recipe),
        "size_budget": str(spec.size),
        "energy_reasons": "; ".join(r.energy_invalid_reasons),
        "total_time_s": r.seconds.get("total"),
        "idle_power_w": _idle_power_w(r.idle),
        "superseded": False,
    }
    if r.quality is not None:
        quality = r.quality
        out |= {
            name: getattr(quality, name)
            for name in ("metric", "higher_is_better", "chance", "target", "reached")
        }
        out |= {
            "quality": quality.test,
            "quality_validation": quality.validation,
            "quality_train": quality.train,
        }
        out |= {name: quality.measures.get(name) for name in MEASURES}
    if r.work is not None:
        out |= _work(r.work)
    if r.train is not None:
        out |= _train(r.train, out["idle_power_w"]) | at_target(r) | _range(r, "train")
        steps = r.curve[-1].step if r.curve else spec.recipe.steps
        batch = spec.recipe.batch_size
        there = None if r.work is None else r.work.training_samples
        out["samples"] = steps * (batch if there is None else min(batch, there))
    if r.inference is not None:
        out |= _inference("infer", r.inference, out["idle_power_w"]) | _range(r, "infer")
    if r.streaming is not None:
        out |= _inference("stream", r.streaming, out["idle_power_w"]) | _range(r, "stream")
    return out


def _range(r: rec.Record, stage: ledger.Stage) -> dict[str, object]:
    """Between which joules the true ones lie, by the grade and under other curves of load."""
    part = ledger.measured(r, stage)
    if part is None or part.window.time_s <= 0:
        return {}
    cost = ledger.cost(r, stage, "meter")
    if cost is None:
        return {}
    return {f"{stage}_energy_low_j": cost.low_j, f"{stage}_energy_high_j": cost.high_j}


def _work(work: rec.Work) -> dict[str, object]:
    same = (
        "effective_macs", "effective_acs", "activation_sparsity", "parameters",
        "nonzero_parameters", "width", "size_deviation", "forward_bytes", "state_bytes",
        "peak_memory_bytes", "training_samples", "sample_steps",
    )  # fmt: skip
    return {name: getattr(work, name) for name in same} | {
        "train_flops": work.training_flops,
        "infer_flops": work.forward_flops,
        "units": sum(work.units.values()),
    }


def _train(phase: rec.Phase, idle_w: object) -> dict[str, object]:
    """What training cost; nothing is known, which is not 0, of what was not trained."""
    times = phase.repeats_time_s
    energy = _ranked_j(phase.energy_j)
    mean_s = statistics.fmean(times) if times else phase.time_s
    known = [c for c in phase.window.components if c.name in RANKED]
    window: dict[str, object] = {
        "replays": phase.replays,
        "foreign_share": phase.window.foreign_share,
        "steal_s": phase.window.steal_s,
        "grade": max((c.grade for c in known), key=rec.GRADES.index, default=None),
        "energy_source": ", ".join(f"{c.name}: {c.source}" for c in known),
    }
    if phase.time_s <= 0:
        return window
    return window | {
        "train_time_s": phase.time_s,
        "train_mean_time_s": mean_s,
        "train_cpu_s": phase.cpu_s,
        "train_energy_j": energy,
        "train_cpu_j": phase.energy_j.get("cpu"),
        "train_gpu_j": phase.energy_j.get("gpu"),
        "train_ram_j": phase.energy_j.get("ram"),
        "train_net_j": _net_j(energy, idle_w, mean_s),
        "train_repeat_cv": statistics.stdev(times) / mean_s if len(times) > 1 else None,
    }


def _inference(
    stage: Literal["infer", "stream"], inference: rec.Inference, idle_w: object
) -> dict[str, object]:
    energy = _ranked_j(inference.energy_j)
    return {
        f"{stage}_time_s": inference.time_s,
        f"{stage}_latency_p50_s": inference.latency_p50_s,
        f"{stage}_latency_p95_s": inference.latency_p95_s,
        f"{stage}_energy_j": energy,
        f"{stage}_ram_j": inference.energy_j.get("ram"),
        f"{stage}_net_j": _net_j(energy, idle_w, inference.time_s),
    }


def _ranked_j(energy_j: dict[str, float | None]) -> float | None:
    parts = [energy_j[name] for name in RANKED if name in energy_j]
    if not parts or any(part is None for part in parts):
        return None
    return sum(part for part in parts if part is not None)


def _net_j(energy_j: float | None, idle_w: object, time_s: float) -> float | None:
    if energy_j is None or not isinstance(idle_w, float):
        return None
    return energy_j - idle_w * time_s


def _idle_power_w(windows: tuple[rec.Window, ...]) -> float | None:
    """Mean CPU + GPU power over the idle windows; None when one of them has no energy."""
    names = [{c.name for c in w.components} & set(RANKED) for w in windows]
    parts = [w.energy_j(*n) if n else None for w, n in zip(windows, names, strict=True)]
    time_s = sum(w.time_s for w in windows)
    if time_s <= 0 or any(part is None for part in parts):
        return None
    return sum(part for part in parts if part is not None) / time_s


def at_target(record: rec.Record) -> dict[str, float | None]:
    """Step, seconds, joules and operations at the first validation that reached the target.

    None when none did (see `reached`) or when the figure is not known.
    """
    out: dict[str, float | None] = dict.fromkeys(TARGET_COLUMNS)
    quality, train = record.quality, record.train
    if quality is None or train is None:
        return out
    sign = 1 if quality.higher_is_better else -1
    for point in record.curve:
        if point.validation is not None and sign * (point.validation - quality.target) >= 0:
            energy = rec.ranked_j(train.energy_j)
            share = point.time_s / train.time_s if point.time_s > 0 else 0.0
            out["target_step"] = point.step
            out["target_time_s"] = point.time_s
            out["target_energy_j"] = None if energy is None else energy * share
            out["target_flops"] = point.flops
            return out
    return out
