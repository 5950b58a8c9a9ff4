"""What sweeps run on, as far as a plan and a program have to know it."""

from math import inf
from typing import Any, NamedTuple

GIB = 2**30
SHARE = 0.8  # of the memory that JAX takes of a device, what programs may plan to use
WAVE = 128  # tiles of 512 rows: enough for all of an accelerator, and 100 MB a layer
TAKEN = 0.75  # of a device's memory, what JAX takes unless told otherwise


class Prices(NamedTuple):
    """What one device does, overheads of small arrays included."""

    flops: float  # of matrix products, a second
    elements: float  # that other operations fill, a second
    slow: float  # of exponentials, and of all in them that takes many operations
    single: float  # of numbers that are done one by one: folded, sorted, looked up
    factors: float  # floating-point operations of factorizations, a second
    kernel: float = 0.0  # seconds to start one, for all lanes that share it
    large: float = inf  # elements of arrays that leave a cache, a second, in addition


class Machine(NamedTuple):
    """The devices of a process, that are here or not.

    `mj.machines.h100._replace(devices=8)` is a machine of eight.
    """

    kind: str  # of its devices, as JAX names them
    platform: str  # cpu, gpu or tpu
    devices: int  # how many
    prices: Prices
    memory: int | None = None  # bytes of a device to plan with; None: it is the host's
    lanes: int | None = None  # that share a vmap; None: all that the memory holds
    wave: int = 0  # row tiles of lanes that are walked side by side; 0: each lane's own
    options: tuple[tuple[str, Any], ...] = ()  # of XLA's compiler
    jax_devices: tuple[Any, ...] = ()  # none where the machine is not here

    def __str__(self) -> str:
        named = "device" if self.platform == "cpu" else self.kind
        return f"{self.devices} {named}{'s' * (self.devices != 1)}"


# One core of a current server: what matrix products, passes in cache, exponentials,
# folds, factorizations and passes beyond a cache reach there.
CORE = Prices(1.3e11, 3e10, slow=2.5e9, single=2.5e9, factors=6e10, large=7.5e9)
# What a pass beyond a core's cache takes in addition, in times of one in it.
LEAVING = 4.0

H100_KIND = "NVIDIA H100 80GB HBM3"
# Estimates, from what XLA compiles for it: batched float32 products at 25 TF/s; passes
# over memory at 3 TB/s, several operations fused in each.
H100 = Prices(2.5e13, 1.5e12, slow=1e12, single=1e12, factors=1e12, kernel=3e-6)

KNOWN = {H100_KIND: H100}  # prices by kind of device


def cpu(
    devices: int, prices: Prices = CORE, options: tuple = (), jax_devices: tuple = ()
) -> Machine:
    """A machine of so many CPU devices, one a core.

    Four lanes share a core's cache.
    """
    return Machine("cpu", "cpu", devices, prices, None, 4, 0, options, jax_devices)


def accelerator(
    kind: str,
    platform: str,
    devices: int,
    memory: int,
    options: tuple = (),
    jax_devices: tuple = (),
) -> Machine:
    """A machine of devices that hold many lanes at once, in so much memory each."""
    prices = KNOWN.get(kind, H100)
    how = (None, WAVE, options, jax_devices)
    return Machine(kind, platform, devices, prices, memory, *how)


GRAPHS = "xla_gpu_enable_command_buffer"
# What XLA may put into one CUDA graph: loops and branches, too, so that no step waits
# for the host.
IN_GRAPHS = (
    "FUSION,CUBLAS,CUBLASLT,CUSTOM_CALL,CUDNN,DYNAMIC_SLICE_FUSION,CONDITIONAL,WHILE"
)
h100 = accelerator(
    H100_KIND, "gpu", 1, int(79.1 * GIB * TAKEN * SHARE), ((GRAPHS, IN_GRAPHS),)
)
