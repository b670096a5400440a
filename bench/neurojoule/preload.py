"""What the fork server does once, so that a run's process starts in a fraction of a second.

Imports, and the machine code of the loops: every run forked afterwards has both for nothing.
Nothing here starts a thread, opens a device or reads data.
"""

import codecarbon.core.emissions
import codecarbon.core.hardware_cache
import codecarbon.core.resource_tracker
import codecarbon.emissions_tracker  # noqa: F401

from neurojoule import kernels, protocol, registry  # noqa: F401

registry.models()
registry.tasks()
kernels.prepare()
