"""What the fork server imports once, so that a run's process starts in a fraction of a second.

Only imports: nothing here starts a thread, opens a device or reads data.
"""

import codecarbon.core.emissions
import codecarbon.core.hardware_cache
import codecarbon.core.resource_tracker
import codecarbon.emissions_tracker  # noqa: F401

from neurojoule import protocol, registry  # noqa: F401

registry.models()
registry.tasks()
