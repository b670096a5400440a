"""What this machine can measure, by component and grade, and what would improve it."""

import psutil

from neurojoule import machine, meter, selfcheck
from neurojoule.meter import Hardware, MeterSettings
from neurojoule.record import Grade

MEANING: dict[Grade, str] = {
    "measured": "read from a power meter in the hardware",
    "user": "a model: busy share of the machine x the power you gave",
    "modelled": "a model: busy share of the machine x the power known for this CPU",
    "guessed": "a model: busy share of the machine x a default power, since the CPU is unknown",
    "constant": "a constant, whatever the load; left out of rankings",
}


def examine(settings: MeterSettings, *, measure: bool = False) -> str:
    """The whole examination as text; nothing is trained.

    Args:
        settings: of the meter.
        measure: also watch the meter at work, for about a minute; a few seconds otherwise.

    Raises:
        UserError: when the meter does not start.
    """
    hardware = meter.detect(settings)
    facts = machine.describe(None, hardware).facts
    parts = [
        _machine(facts),
        "Energy\n" + "\n".join(_component(name, hardware) for name in hardware.grades),
        "What would improve it\n" + "\n".join(f"  - {advice}" for advice in _advice(hardware)),
        "Is it quiet?\n" + _quiet(),
    ]
    if measure:
        with machine.exclusive():
            findings = selfcheck.measure(hardware, settings)
        parts.append("The meter at work\n" + _judged(selfcheck.judge(findings, hardware)))
    return "\n\n".join(parts)


def _judged(judgements: list[selfcheck.Judgement]) -> str:
    marks = {True: "good", False: "BAD", None: "-"}
    rows = [f"  {j.component:<7}{marks[j.good]:<6}{j.question}: {j.answer}" for j in judgements]
    bad = sorted({j.component for j in judgements if j.good is False} - {"clocks"})
    disturbed = any(j.good is False and j.component == "clocks" for j in judgements)
    if bad and disturbed:
        rows.append("  The machine was disturbed; ask again when it is quiet.")
    elif bad:
        rows.append(f"  Do not rank by the joules of {', '.join(bad)} on this machine.")
    return "\n".join(rows)


def _machine(facts: dict[str, str | int | float | bool | None]) -> str:
    names = ("cpu_model", "cpu_threads", "ram_bytes", "virtual", "gpu_model", "os")
    rows = [f"  {name:<12} {facts[name]}" for name in names if facts.get(name) is not None]
    return "Machine\n" + "\n".join(rows)


def _component(name: str, hardware: Hardware) -> str:
    grade = hardware.grades[name]
    return f"  {name:<4} {grade:<9} {hardware.sources[name]}\n       {MEANING[grade]}"


def _advice(hardware: Hardware) -> list[str]:
    advice = []
    if hardware.grades["cpu"] != "measured":
        advice.append(
            "On Linux with an Intel or AMD CPU, make RAPL readable "
            "(sudo chmod -R a+r /sys/class/powercap/intel-rapl*); a virtual machine rarely has it."
        )
    if hardware.grades["cpu"] == "guessed":
        advice.append("Look up the thermal design power of your CPU and give it as --cpu-tdp-w.")
    if hardware.grades["cpu"] in {"guessed", "modelled", "user"}:
        advice.append(
            "Without a power meter joules are seconds times a model. Compare operations and time "
            "as well; the report says which verdicts depend on the model."
        )
    if "gpu" not in hardware.grades:
        advice.append("No GPU is seen; with an NVIDIA driver its energy is measured through NVML.")
    if hardware.ignored_settings:
        advice.append(
            "These CodeCarbon settings are ignored, so that every number has one source; use the "
            f"options of neurojoule instead: {', '.join(hardware.ignored_settings)}."
        )
    return advice


def _quiet() -> str:
    busy = psutil.cpu_percent(interval=1.0)
    verdict = "yes" if busy < 5 else "no: close what is running before you measure"
    return f"  {busy:.0f} % of the machine is busy: {verdict}"
