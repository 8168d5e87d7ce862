"""How hard XLA tries."""

import jax
from jax.sharding import Mesh


def compiler_options(mesh: Mesh) -> dict[str, int]:
    """For `jax.jit` of a program on a mesh: LLVM's first level of optimisation where XLA's code for
    the processor goes through it, its own default elsewhere.

    On CPUs the third level, XLA's default, takes 15 to 25 % more time to compile a training step,
    which then takes as long or longer: convolutions and matrix products are library calls, the rest
    waits for memory.  Who has asked for none (`jax_disable_most_optimizations`) gets none.
    """
    on_cpu = mesh.devices.flat[0].platform == "cpu"
    if not on_cpu or jax.config.read("jax_disable_most_optimizations"):
        return {}
    return {"xla_backend_optimization_level": 1}
