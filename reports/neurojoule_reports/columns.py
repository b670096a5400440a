"""The columns of `runs.csv`, with units and meanings: the one list that page and files share."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """A column of the runs frame.

    Attributes:
        name: as in the frame and in `runs.csv`; the unit stands at its end.
        unit: "" for text and for pure numbers.
        meaning: one line.
    """

    name: str
    unit: str
    meaning: str


MEASURES: dict[str, tuple[str, str]] = {
    "auc": ("1", "area under the ROC of the spikes, every ms"),
    "auc_log_odds": ("1", "logarithm of that area over its complement"),
    "true_positive_at_0.25_percent": ("1", "share of spikes found at 0.25 % false positives"),
    "true_positive_at_1_percent": ("1", "share of spikes found at 1 % false positives"),
    "voltage_rmse_mv": ("mV", "root mean square error of the soma voltage"),
    "voltage_variance_explained": ("1", "of the soma voltage"),
    "voltage_variance_explained_rescaled": ("1", "the same, given the target's mean and spread"),
    "auc_published": ("1", "without simulations of more than 24 spikes in 6 s, as published"),
    "voltage_variance_explained_published": ("1", "rescaled, and without these simulations"),
    "judged_samples": ("1", "samples, where a model was not asked about all; for the others NaN"),
}
"""What a quality has beside its rank (`record.Quality.measures`): unit and meaning."""

RUN_COLUMNS: tuple[Column, ...] = tuple(
    Column(*row)
    for row in (
        ("run_id", "", "name of the record's file"),
        ("spec_hash", "", "what was to be run, hashed"),
        ("suite", "", "the suite that asked"),
        ("task", "", "what was learned"),
        ("machine", "", "the name that the user gave the machine"),
        ("setup", "", "device:threads[:dtype][:compile]"),
        ("scale", "", "which sizes and windows: smoke, quick, full, paper"),
        ("setting", "", "machine, setup and scale: rows are compared within one setting only"),
        ("family", "", "way of building a neuron"),
        ("model", "", "registered model and its options; of long ones those in which arms differ"),
        ("arm", "", "what is compared: model, size, share of the data, recipe"),
        ("design", "", "model and size: an arm whatever its recipe and share of the data"),
        ("options", "", "all that was set of the model"),
        ("steps", "1", "updates that the recipe allows"),
        ("recipe", "", "how it was trained"),
        ("size_budget", "", "parameters or operations that the width was solved for"),
        ("share", "", "share of the training data"),
        ("seed", "", "of initialisation, batch order and subset"),
        ("status", "", "ok, diverged, failed or timeout"),
        ("superseded", "", "a later run of the same spec on the same machine exists"),
        ("energy_valid", "", "whether energy may be ranked"),
        ("energy_reasons", "", "why not"),
        ("error", "", "what went wrong"),
        ("started_utc", "", "when"),
        ("attempts", "", "how often the run was measured"),
        ("metric", "", "quality measure"),
        ("higher_is_better", "", "direction of the metric"),
        ("chance", "", "the metric of a predictor that ignores its input"),
        ("target", "", "the quality that counts as solved"),
        ("reached", "", "whether the validation reached the target"),
        ("quality", "", "metric on the test split, read once"),
        ("quality_validation", "", "metric on the validation split"),
        ("quality_train", "", "metric on the training split"),
        *((name, unit, f"{meaning}, test split") for name, (unit, meaning) in MEASURES.items()),
        ("train_time_s", "s", "wall time of the real training, without validations"),
        ("train_mean_time_s", "s", "the same, mean over the real training and its replays"),
        ("train_cpu_s", "s", "CPU time of the same"),
        ("train_energy_j", "J", "CPU + GPU, gross, mean over the real training and its replays"),
        ("train_energy_low_j", "J", "the least that it may be, by grade and curve of load"),
        ("train_energy_high_j", "J", "the most that it may be"),
        ("train_cpu_j", "J", "of which CPU"),
        ("train_gpu_j", "J", "of which GPU"),
        ("train_ram_j", "J", "RAM, apart: a constant power in most meters"),
        ("train_net_j", "J", "CPU + GPU less the idle power times the time"),
        ("train_repeat_cv", "1", "spread of the replays: standard deviation over mean"),
        ("target_step", "1", "updates at the first validation that reached the target"),
        ("target_time_s", "s", "training time until then"),
        ("target_energy_j", "J", "training energy until then, apportioned by the clock"),
        ("target_flops", "FLOP", "operations until then"),
        ("train_flops", "FLOP", "dense operations of the whole training"),
        ("samples", "1", "training samples seen, each as often as it was seen"),
        ("training_samples", "1", "different ones: the share of the training set that was learnt"),
        ("sample_steps", "1", "steps of time in a sample, where it has any"),
        ("infer_time_s", "s", "a sample in a batch"),
        ("infer_latency_p50_s", "s", "one sample alone, median"),
        ("infer_latency_p95_s", "s", "one sample alone, 95th percentile"),
        ("infer_energy_j", "J", "CPU + GPU, gross, a sample in a batch"),
        ("infer_energy_low_j", "J", "the least that it may be, by grade and curve of load"),
        ("infer_energy_high_j", "J", "the most that it may be"),
        ("infer_ram_j", "J", "RAM, a sample in a batch"),
        ("infer_net_j", "J", "CPU + GPU less idle, a sample in a batch"),
        ("infer_flops", "FLOP", "dense operations of one sample forward"),
        ("stream_time_s", "s", "a step of one sequence that comes step by step"),
        ("stream_latency_p50_s", "s", "such a step, median"),
        ("stream_latency_p95_s", "s", "such a step, 95th percentile"),
        ("stream_energy_j", "J", "CPU + GPU, gross, such a step"),
        ("stream_energy_low_j", "J", "the least that it may be, by grade and curve of load"),
        ("stream_energy_high_j", "J", "the most that it may be"),
        ("stream_ram_j", "J", "RAM, such a step"),
        ("stream_net_j", "J", "CPU + GPU less idle, such a step"),
        ("effective_macs", "1", "multiply-accumulates of one inference that meet no zero"),
        ("effective_acs", "1", "accumulates of one inference"),
        ("activation_sparsity", "1", "share of zeros among the activations"),
        ("parameters", "1", "trainable numbers that exist"),
        ("nonzero_parameters", "1", "of these, not zero after training"),
        ("units", "1", "neurons and dendrites"),
        ("width", "1", "the width that the model solved for"),
        ("size_deviation", "1", "size over budget, minus one"),
        ("forward_bytes", "B", "least bytes moved by one sample forward"),
        ("state_bytes", "B", "weights, gradients, optimiser moments"),
        ("peak_memory_bytes", "B", "the run's own increment of resident or device memory"),
        ("grade", "", "how a joule of CPU + GPU is known; the worst of the two"),
        ("energy_source", "", "the meter's backend"),
        ("idle_power_w", "W", "CPU + GPU in the idle windows beside the run"),
        ("foreign_share", "1", "CPU seconds of others over all, in the training window"),
        ("steal_s", "s", "CPU time taken by the host, in the training window"),
        ("replays", "1", "how often training was repeated to fill the window"),
        ("footprint_j", "J", "spent by the benchmark itself on this run"),
        ("validation_time_s", "s", "validations during training, not in train_time_s"),
        ("total_time_s", "s", "the whole run, from start of the process"),
        ("fingerprint", "", "hash of the code that ran"),
        ("git_commit", "", "commit of the checkout"),
        ("git_dirty", "", "whether it had changes"),
        ("claims_hash", "", "hash of claims.toml at the time"),
        ("resume_key", "", "spec, code and the facts of the machine that change speed"),
    )
)


@dataclass(frozen=True)
class Axis:
    """A footprint that accuracy is set against.

    Attributes:
        name: key in the page, the URL and the figures.
        label: in words.
        unit: SI unit that prefixes are put before; "" for counts.
        train, infer: the column of the runs frame for each phase; None when there is none.
        energy: whether it counts only where energy is valid.
    """

    name: str
    label: str
    unit: str
    train: str | None
    infer: str | None
    energy: bool = False

    def column(self, phase: str) -> str | None:
        """The column of the runs frame for `train` or `infer`."""
        return self.train if phase == "train" else self.infer


AXES: tuple[Axis, ...] = (
    Axis("energy", "Energy", "J", "train_energy_j", "infer_energy_j", energy=True),
    Axis("co2e", "CO\u2082e", "g", "train_energy_j", "infer_energy_j", energy=True),
    Axis("time", "Time", "s", "train_time_s", "infer_time_s"),
    Axis("operations", "Operations", "FLOP", "train_flops", "infer_flops"),
    Axis("parameters", "Parameters", "", "parameters", "parameters"),
    Axis("memory", "Memory", "B", "peak_memory_bytes", "forward_bytes"),
    Axis("samples", "Samples", "", "samples", None),
)
"""CO2e has energy's columns: it is energy times the grid's intensity."""
