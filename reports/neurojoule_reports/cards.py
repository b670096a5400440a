"""One run for other people's forms: a Hugging Face model card, a BoAmps report."""

import json
from typing import Any

from neurojoule import carbon
from neurojoule.errors import UserError
from neurojoule.record import Record, ranked_j


def model_card(record: Record, grid: carbon.Grid) -> str:
    """The front matter that Hugging Face reads from a model card, for one run.

    `co2_eq_emissions` in grams, with source, training type, location and hardware
    (huggingface.co/docs/hub/model-cards-co2). The training alone is counted: CPU + GPU, one seed,
    without the search before it.

    Raises:
        UserError: when the energy of the run may not be used.
    """
    energy_j = _valid_j(record)
    where = "not known; world average" if grid.code == carbon.WORLD else grid.name
    fields = {
        "emissions": float(f"{carbon.co2e_g(energy_j, grid):.4g}"),
        "source": f"neurojoule with CodeCarbon; {_how(record)}",
        "training_type": "pre-training",
        "geographical_location": f"{where}, {grid.g_per_kwh:.0f} g CO2e/kWh ({grid.year})",
        "hardware_used": f"{_cpu(record)}, {record.spec.setup}",
    }
    lines = [f"  {name}: {json.dumps(value)}" for name, value in fields.items()]
    return "\n".join(["---", "co2_eq_emissions:", *lines, "---", ""])


def boamps(record: Record, grid: carbon.Grid) -> dict[str, Any]:
    """One run as a BoAmps report: Boavizta, github.com/Boavizta/BoAmps, `model/*.json`.

    Energy in kWh of CPU + GPU, parameters in billions, as the format has them. The country is left
    out where the grid is the world average, because then it is not known.

    Raises:
        UserError: when the energy of the run may not be used.
    """
    energy_j = _valid_j(record)
    spec, facts = record.spec, record.machine.facts
    measure: dict[str, Any] = {
        "measurementMethod": "codecarbon",
        "version": str(facts.get("version_codecarbon") or "not known"),
        "powerConsumption": energy_j / carbon.J_PER_KWH,
        "measurementDateTime": record.started_utc,
    }
    parts = record.train.window.components if record.train is not None else ()
    if record.train is not None:
        measure["measurementDuration"] = record.train.time_s
    for part in parts:
        if part.name != "ram":
            measure[f"{part.name}TrackingMode"] = f"{part.source} ({part.grade})"
    algorithm: dict[str, Any] = {
        "trainingType": "supervisedLearning",
        "algorithmType": record.family,
        "algorithmName": spec.arm,
        "framework": "pytorch",
        "frameworkVersion": str(facts.get("version_torch") or "not known"),
        "optimizer": spec.recipe.optimiser,
        "quantization": spec.setup.dtype,
    }
    if record.work is not None:
        algorithm["parametersNumber"] = record.work.parameters / 1e9
    task: dict[str, Any] = {
        "taskStage": "training",
        "taskFamily": spec.task,
        "algorithms": [algorithm],
        "dataset": [{"dataUsage": "input", "dataType": "other"}],
    }
    if record.quality is not None and record.quality.metric == "accuracy":
        task["measuredAccuracy"] = record.quality.test
    component = {"componentName": _cpu(record), "componentType": "cpu", "nbComponent": 1}
    report: dict[str, Any] = {
        "header": {
            "reportId": record.run_id,
            "reportDatetime": record.started_utc,
            "reportStatus": "final",
            "formatVersionSpecificationUri": "https://github.com/Boavizta/BoAmps",
        },
        "task": task,
        "measures": [measure],
        "software": {"language": "python", "version": str(facts.get("python") or "not known")},
        "infrastructure": {
            "infraType": "other" if facts.get("virtual") else "onPremise",
            "components": [component],
        },
        # Its words: high is an error of 10 %, low of 50 %.
        "quality": "high"
        if all(p.grade == "measured" for p in parts if p.name != "ram")
        else "low",
    }
    if grid.code != carbon.WORLD:
        report["environment"] = {
            "country": grid.name,
            "powerSourceCarbonIntensity": grid.g_per_kwh,
        }
    return report


def has_energy(record: Record) -> bool:
    """Whether the energy of the run may be stated."""
    known = record.train is not None and ranked_j(record.train.energy_j) is not None
    return known and record.energy_valid


def _valid_j(record: Record) -> float:
    energy_j = None if record.train is None else ranked_j(record.train.energy_j)
    if energy_j is None or not record.energy_valid:
        why = "; ".join(record.energy_invalid_reasons) or f"status {record.status}, no joules"
        raise UserError(
            f"The energy of run {record.run_id} is not valid ({why}), so no emissions can be "
            "stated. Take another run."
        )
    return energy_j


def _how(record: Record) -> str:
    parts = record.train.window.components if record.train is not None else ()
    return ", ".join(f"{p.name} {p.grade} ({p.source})" for p in parts if p.name != "ram")


def _cpu(record: Record) -> str:
    return str(record.machine.facts.get("cpu_model") or "CPU not known")
