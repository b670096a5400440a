"""neurojoule: what a neuron model's accuracy costs in energy, carbon and operations.

A `Spec` says what is to be run, `neurojoule.runner.run` runs it in a clean process, and a
`Record` is what stays: one JSON file with quality, time, joules and operations, each with its
unit and its source. The suites (`neurojoule_suites`) say what is compared with what; the
report (`neurojoule_reports`) reads records only.
"""

__version__ = "0.1.0"
