"""What can be wrong with a cell, a step or a file: each has a name, so that a caller can tell."""

from neurojoule.errors import UserError


class CellError(UserError):
    """A cell that cannot be simulated; the subclasses say why."""


class LoopError(CellError):
    """Following the parents from some section never ends at the soma."""


class MissingSomaError(CellError):
    """No section is a soma, or the root of the tree is not one."""


class OrphanError(CellError):
    """A section, or a point of an SWC file, names a parent that does not exist."""


class UnknownChannelError(CellError):
    """A density is given for a channel that has no kinetics here."""


class StepTooLargeError(CellError):
    """The time step is too large for the implicit solver to converge on this cell and input."""


class SwcError(CellError):
    """A line of an SWC file is not what the format says."""


class PublishedFileError(UserError):
    """A published NeuronIO file is truncated, refused, or not laid out as described."""


class NoJudgeError(UserError):
    """NEURON, or the compiler it needs for NMODL, is not there; the message says which."""
