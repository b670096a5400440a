"""One file a kind of task: where the data comes from, how it is split, what counts as solved."""
