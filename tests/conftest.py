"""Every test runs on one device per core and with shapes that must match exactly."""

import jax

import memjax as mj

jax.config.update("jax_numpy_rank_promotion", "raise")
mj.use_all_cores()
