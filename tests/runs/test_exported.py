"""The training step is lowered for TPUs, which no test has."""

import jax
import pytest

from sdjax.runs import loop
from sdjax.runs.exported import export_steps
from sdjax.runs.run import open_run
from tests.small_runs import objects_config
from tests.test_stable_diffusion_runs import FLAT, SOLID, config_of


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    """Embeddings are kept where no other test or run sees them."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))


def embedded(**settings):
    return objects_config(**settings)


def latents(**settings):
    """In bfloat16, which TPUs compute in."""
    return config_of("stable_diffusion_2d:sds", "sd1_tiny", FLAT | settings)


def objects_with_adapters(**settings):
    sizes = {name: value for name, value in SOLID["scene"].items() if name != "shading.start"}
    stage = {"steps": (2,), "resolution": (8,), "grid": (2,)}
    overrides = SOLID | {"scene": sizes, "stages": stage} | settings
    return config_of("stable_diffusion_3d:vsd", "sd2_tiny", overrides, size=32)


CASES = [
    (embedded, 1, 1),
    (latents, 8, 4),
    pytest.param(embedded, 4, 1, marks=pytest.mark.long),
    pytest.param(latents, 1, 1, marks=pytest.mark.long),
    pytest.param(objects_with_adapters, 4, 1, marks=pytest.mark.long),
]


@pytest.mark.slow
@pytest.mark.parametrize(("config", "devices", "shards"), CASES)
def test_the_step_is_lowered_for_tpus(config, devices, shards):
    placing = {"run.devices": devices, "run.weight_shards": shards}
    run = open_run(config(**placing))
    exported = export_steps(run, 2)
    assert exported.platforms == ("tpu",) and exported.nr_devices == devices
    assert "stablehlo" in exported.mlir_module()
    state = loop.template(run, run.stages[0].last).particles
    log = len(exported.out_avals) - len(jax.tree.leaves(state))
    assert log >= 2  # timesteps and losses
    rows = run.placement.rows
    for aval, leaf in zip(exported.out_avals, jax.tree.leaves(state), strict=False):
        assert (aval.shape, aval.dtype) == ((rows, *leaf.shape[1:]), leaf.dtype)
