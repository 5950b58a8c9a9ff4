"""The devices of a machine as JAX takes them."""

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from memjax.engine.planned.machines import Machine
from memjax.lanes import Tree


def lane_mesh(machine: Machine) -> Mesh:
    """The devices of a machine in a row, along the mesh axis `lane`."""
    return Mesh(np.array(machine.jax_devices), ("lane",), axis_types=(AxisType.Auto,))


def on_every_device(inputs: Tree, machine: Machine) -> Tree:
    """Inputs where the lanes run, so that all segments find them there."""
    return jax.device_put(inputs, NamedSharding(lane_mesh(machine), P()))
