"""What is compared with what, and the question each suite asks."""

from neurojoule_suites import (
    bench_ladders,
    bench_logic,
    bench_neuron,
    bench_robustness,
    bench_selftest,
    bench_sequence,
    bench_vision,
)

SUITES = (
    bench_ladders.SUITE,
    bench_logic.SUITE,
    bench_neuron.SUITE,
    bench_vision.SUITE,
    bench_sequence.SUITE,
    bench_robustness.SUITE,
    bench_selftest.SUITE,
)
