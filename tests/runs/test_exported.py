"""The training step is lowered for TPUs and GPUs, which no test has."""

import jax
import pytest

from sdjax.rules import RULES
from sdjax.runs import loop
from sdjax.runs.exported import export_steps
from sdjax.runs.run import open_run
from sdjax.runs.schema import load_config
from sdjax.runs.stages import stages
from tests.multiview_folders import mvdream_folder, zero123_folder
from tests.small_runs import objects_config
from tests.test_multiview_runs import small as on_several_views
from tests.test_stable_diffusion_runs import FLAT, SOLID, config_of, small_objects
from tests.test_sweep import small as on_the_exact_prior

BOTH = ("tpu", "cuda")  # at once, which is half the work


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
    (latents, 8, 4),
    pytest.param(embedded, 4, 1, marks=pytest.mark.long),
    pytest.param(latents, 1, 1, marks=pytest.mark.long),
    pytest.param(objects_with_adapters, 4, 1, marks=pytest.mark.long),
]


@pytest.mark.slow
@pytest.mark.parametrize(("config", "devices", "shards"), CASES)
def test_the_step_is_lowered_for_several_devices(config, devices, shards):
    placing = {"run.devices": devices, "run.weight_shards": shards}
    check(open_run(config(**placing)), devices)


@pytest.mark.slow
def test_particles_are_in_one_batch_there_unless_asked_for():
    """Whatever "auto" means on the machine at hand: one after the other is a loop more."""
    loops = {
        mapping: check(open_run(embedded(**{"run.mapping": mapping}))).mlir_module().count(".while")
        for mapping in ("auto", "map")
    }
    assert 0 < loops["auto"] < loops["map"]


def check(run, devices=1):
    """The program, with its results checked."""
    exported = export_steps(run, 2, platforms=BOTH)
    assert exported.platforms == BOTH and exported.nr_devices == devices
    assert "stablehlo" in exported.mlir_module()
    state = loop.template(run, run.stages[0].last).particles
    log = len(exported.out_avals) - len(jax.tree.leaves(state))
    assert log >= 2  # timesteps and losses
    rows = run.placement.rows
    for aval, leaf in zip(exported.out_avals, jax.tree.leaves(state), strict=False):
        assert (aval.shape, aval.dtype) == ((rows, *leaf.shape[1:]), leaf.dtype)
    return exported


def of_stable_diffusion(rule, folder):
    return small_objects(rule, "sd1_tiny", 16, [8])


def of_mvdream(rule, folder):
    weights = folder / "mvdream"
    weights = weights if weights.exists() else mvdream_folder(weights)
    return on_several_views(f"mvdream_3d:{rule}", {"weights": str(weights)})


def of_zero123(rule, folder):
    weights = folder / "zero123"
    weights = weights if weights.exists() else zero123_folder(weights)
    picture = {"image": "sdjax:red_facade.png", "image_size": 64}
    return on_several_views(f"zero123_3d:{rule}", {"weights": str(weights), **picture})


def of_objects(rule, folder):
    return on_the_exact_prior(f"embedded_3d:{rule}")


def of_pictures(rule, folder):
    return on_the_exact_prior(f"embedded_2d:{rule}")


ON_A_NETWORK = (
    "sds", "sjc", "csd", "nfsd", "hifa", "ism", "asd", "consistent3d", "vsd", "fsd", "cfd", "sdi",
    "dsd", "dsd_cached",
)  # fmt: skip
STEPS = [
    *((of_stable_diffusion, rule) for rule in ON_A_NETWORK),
    *((prior, rule) for prior in (of_mvdream, of_zero123) for rule in ("sds", "dsd_cached")),
    (of_objects, "sds"),
    (of_objects, "exact_vsd"),
    (of_pictures, "dsd_star"),
]
OTHERS = [
    *((prior, rule) for prior in (of_mvdream, of_zero123) for rule in ON_A_NETWORK),
    *((of_objects, rule) for rule in ON_A_NETWORK if rule not in ("vsd", "dsd_cached")),
]
OTHERS = [pytest.param(*case, marks=pytest.mark.long) for case in OTHERS if case not in STEPS]


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    """A run of each prior, whose networks the runs of its rules share."""
    folder, runs = tmp_path_factory.mktemp("weights"), {}

    def open_with(make, rule):
        config = load_config(make(rule, folder), {"run.devices": 1})
        key = make, config.prior, RULES[config.rule.name].asks_for_unconditional(config.rule)
        if key not in runs:
            runs[key] = open_run(config)
        return runs[key]._replace(config=config, stages=stages(config))

    return open_with


@pytest.mark.slow
@pytest.mark.parametrize(("prior", "rule"), [*STEPS, *OTHERS])
def test_the_step_of_every_rule_is_lowered(prior, rule, opened):
    """On Stable Diffusion, and two of them on the other networks; `-m long` has all on all."""
    check(opened(prior, rule))


def test_no_rule_is_left_out():
    assert {rule for _, rule in STEPS} - {"dsd_cached"} == set(RULES)
