"""Every test runs with shapes checked, rank promotion refused and a compilation cache."""

import gc
import os
import tempfile
from pathlib import Path

import hypothesis
import jax
import pytest
from jaxtyping import install_import_hook

import tests.checker  # noqa: F401  the hook below names it

jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_num_cpu_devices", 8)
jax.config.update(
    "jax_compilation_cache_dir",
    os.environ.get("JAX_COMPILATION_CACHE_DIR", str(Path(tempfile.gettempdir()) / "sdjax-tests")),
)
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.5)
jax.config.update("jax_disable_most_optimizations", True)  # tests compile more than they compute
install_import_hook("sdjax", "tests.checker.checked")
hypothesis.settings.register_profile("busy", deadline=None)  # no test is about its own time
hypothesis.settings.load_profile("busy")


@pytest.fixture
def x64():
    """Run one test in double precision."""
    with jax.enable_x64(True):
        yield


@pytest.fixture(scope="module")
def quick_compilation():
    """Everywhere, by now."""
    yield


@pytest.fixture(scope="module", autouse=True)
def bounded_memory():
    """Programs of a module are forgotten after it."""
    yield
    jax.clear_caches()
    gc.collect()


@pytest.fixture(scope="session")
def objects_run(tmp_path_factory):
    """The folder of a small finished run of objects; tests leave it as it is."""
    from tests.small_runs import run_objects

    folder = tmp_path_factory.mktemp("runs") / "objects"
    run_objects(folder)
    return folder


@pytest.fixture(scope="session")
def images_run(tmp_path_factory):
    """The folder of a small finished run of images; tests leave it as it is."""
    from tests.small_runs import run_images

    folder = tmp_path_factory.mktemp("runs") / "images"
    run_images(folder)
    return folder


@pytest.fixture(scope="session")
def four_blocks(tmp_path_factory):
    """The folder of a checkpoint of four blocks with random weights; tests leave it as it is."""
    from tests.checkpoints import write_four_blocks

    return write_four_blocks(tmp_path_factory.mktemp("checkpoints") / "four_blocks")
