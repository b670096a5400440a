"""The doctor says what is measured and how well; its judgements are checked on planted findings."""

import pytest

from neurojoule import doctor, meter, selfcheck
from neurojoule.meter import Hardware, MeterSettings
from neurojoule.record import Component, Window
from neurojoule.selfcheck import WINDOW_LENGTHS_S, Findings, judge
from power import Nvml, RaplTree, World


def window(time_s, cpu_w, *, cpu_s=1.0, machine_cpu_s=1.0, ram_w=20.0):
    parts = [Component(name="ram", energy_j=ram_w * time_s, grade="constant", source="s")]
    energy_j = None if cpu_w is None else cpu_w * time_s
    parts.append(Component(name="cpu", energy_j=energy_j, grade="measured", source="RAPL"))
    return Window(
        time_s=time_s,
        cpu_s=cpu_s,
        machine_cpu_s=machine_cpu_s,
        steal_s=0.0,
        components=tuple(parts),
    )


def findings(*, idle=5.0, one=20.0, two=30.0, short=20.0, spread=1.0, foreign_s=0.0):
    def works(length, watts):
        factors = (1.0, spread, 1 / spread)
        return tuple(
            window(length, watts * f, cpu_s=length, machine_cpu_s=length + foreign_s)
            for f in factors
        )

    powers = dict.fromkeys(WINDOW_LENGTHS_S, 20.0) | {WINDOW_LENGTHS_S[0]: short}
    return Findings(
        idle=window(8.0, idle, cpu_s=0.0, machine_cpu_s=0.0),
        busy={1: window(8.0, one), 2: window(8.0, two)},
        works={length: works(length, watts) for length, watts in powers.items()},
        rounds=dict.fromkeys(WINDOW_LENGTHS_S, (100, 100, 100)),
    )


HARDWARE = Hardware(
    plan=None,
    grades={"ram": "constant", "cpu": "measured"},
    sources={"ram": "modules", "cpu": "RAPL"},
    cpu_model="x",
    cpu_tdp_w=None,
    ignored_settings=(),
)


def judged(**changes):
    found = judge(findings(**changes), HARDWARE)
    return {j.question: j for j in found if j.component in {"cpu", "clocks"}}


def test_a_good_meter_is_good_in_everything():
    assert all(j.good for j in judged().values())


@pytest.mark.parametrize(
    ("changes", "question", "said"),
    [
        ({"one": 4.0}, "power follows the load", "5.00 W idle, 4.00 W with one"),
        ({"two": 15.0}, "power follows the load", "15.00 W with two"),
        ({"idle": None}, "power follows the load", "missing"),
        ({"spread": 1.2}, "the same work costs the same", "varies by 18"),
        ({"short": 26.0}, "a short window tells what a long one does", "+30.0% at 0.5 s"),
        ({"foreign_s": 1.0}, "somebody else's work", "in 9 of 11 windows"),
    ],
)
def test_each_fault_is_found_and_told_with_its_figure(changes, question, said):
    answer = judged(**changes)[question]
    assert answer.good is False
    assert said in answer.answer


def test_a_constant_is_neither_good_nor_bad():
    (ram,) = (j for j in judge(findings(), HARDWARE) if j.component == "ram")
    assert ram.good is None
    assert "20.0 W idle, 20.0 W busy: a constant" in ram.answer


def test_the_text_says_what_not_to_rank_by_and_when_to_ask_again():
    bad = doctor._judged(judge(findings(short=26.0), HARDWARE))
    assert "Do not rank by the joules of cpu on this machine." in bad
    disturbed = doctor._judged(judge(findings(short=26.0, foreign_s=1.0), HARDWARE))
    assert "ask again when it is quiet" in disturbed
    assert "Do not rank" not in disturbed


def test_the_examination_measures_every_length_and_thread_count():
    settings = MeterSettings()
    found = selfcheck.measure(meter.detect(settings), settings, share=0.02)
    assert set(found.busy) == {1, 2}
    assert set(found.works) == set(WINDOW_LENGTHS_S)
    assert all(len(group) == selfcheck.REPEATS for group in found.works.values())
    assert found.idle.cpu_s < 0.1
    assert found.busy[1].cpu_s > 0.02
    assert all(n > 0 for counts in found.rounds.values() for n in counts)
    longest = max(found.rounds)
    assert sum(found.rounds[longest]) > sum(found.rounds[min(found.rounds)])


def test_the_doctor_names_every_component_its_grade_and_its_back_end(monkeypatch, tmp_path):
    world = World(monkeypatch)
    RaplTree(world, tmp_path, lambda t: t)
    Nvml(world, lambda t: t)
    text = doctor.examine(MeterSettings())
    assert "cpu  measured  RAPL" in text
    assert "gpu  measured  pynvml" in text
    assert "ram  constant" in text
    assert "--cpu-tdp-w" not in text  # nothing to improve there


def test_the_doctor_says_what_would_improve_a_guess(monkeypatch):
    World(monkeypatch, cpu_model="Quagga 9000")
    monkeypatch.setenv("CODECARBON_PUE", "2")
    text = doctor.examine(MeterSettings())
    assert "give it as --cpu-tdp-w" in text
    assert "pue from CODECARBON_PUE" in text
    assert "The meter at work" not in text  # only with --measure
