"""Settings of the process that JAX reads once: devices of a CPU, and where programs are cached."""

import os
from pathlib import Path


def prepare_machine() -> None:
    """One CPU device per core, and a persistent compilation cache in `~/.cache/sdjax`.

    What the user has set stays, in the environment (`JAX_NUM_CPU_DEVICES`,
    `JAX_COMPILATION_CACHE_DIR`) or by `jax.config.update`.  After JAX's first computation the
    number of devices can no longer change and is left.
    """
    import jax

    if jax.config.jax_compilation_cache_dir is None:
        cache = Path.home() / ".cache" / "sdjax" / "programs"
        jax.config.update("jax_compilation_cache_dir", str(cache))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.3)
    if jax.config.jax_num_cpu_devices == -1:
        try:
            jax.config.update("jax_num_cpu_devices", len(os.sched_getaffinity(0)))
        except RuntimeError:
            return
