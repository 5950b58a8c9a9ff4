"""How many lanes fit into a device's memory at once."""

from collections.abc import Callable

import jax

SHARE = 0.8  # of a device's memory that a program may plan to use
PROBES = 8, 16  # widths at which a program is compiled to learn what it needs


def chunk_that_fits(temporaries: Callable[[int], int], budget: int) -> int:
    """The widest chunk whose program keeps its temporaries within `budget` bytes.

    `temporaries(width)` is what the compiler reports at a width. They grow along a
    straight line, so two widths tell the rest.
    """
    narrow, wide = PROBES
    low, high = temporaries(narrow), temporaries(wide)
    slope = (high - low) / (wide - narrow)
    if slope <= 0:
        return wide
    return max(1, int((budget - low) / slope) + narrow)


def device_budget() -> int | None:
    """The bytes of a device that a program may use; None where it shares the host's."""
    statistics = jax.local_devices()[0].memory_stats()
    if jax.default_backend() == "cpu" or not statistics:
        return None
    return int(SHARE * statistics["bytes_limit"])
