"""Settings of the process that JAX reads once: devices of a CPU, and where programs are cached."""

import os
from pathlib import Path


def prepare_machine() -> None:
    """One CPU device per core, and a persistent compilation cache in `~/.cache/sdjax`.

    What the user has set in the environment (`JAX_NUM_CPU_DEVICES`, `JAX_COMPILATION_CACHE_DIR`)
    stays.  After JAX's first computation the number of devices can no longer change and is left.
    """
    import jax

    if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        cache = Path.home() / ".cache" / "sdjax" / "programs"
        jax.config.update("jax_compilation_cache_dir", str(cache))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.3)
    if "JAX_NUM_CPU_DEVICES" not in os.environ:
        try:
            jax.config.update("jax_num_cpu_devices", len(os.sched_getaffinity(0)))
        except RuntimeError:
            return
