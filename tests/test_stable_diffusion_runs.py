"""The configs of Stable Diffusion end to end, on tiny checkpoints of random weights."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from sdjax.config.errors import UserError
from sdjax.config.tasks import parts_of, with_rule
from sdjax.reports.evaluation import load_views
from sdjax.runs.schema import load_config
from sdjax.sample import load_config as load_sampling
from sdjax.sample import sample
from sdjax.train import train
from tests.reference import FOLDER
from tests.small_runs import contents

pytestmark = pytest.mark.usefixtures("quick_compilation")
TINY = FOLDER / "tiny"
FLAT = {"seeds": 2, "stages.steps": (4,), "run": {"chunk": 2, "devices": 1}}
SOLID = {
    "seeds": 2,
    "scene": {
        "levels": 2,
        "log2_table_size": 8,
        "samples": 6,
        "proposals": 4,
        "chunk": 32,
        "progressive": (1, 1, 1),
    },
    "run": {"chunk": 2, "devices": 1, "checkpoint_every": 2},
    "report": {
        "views": 3,
        "frames": 3,
        "turntable_resolution": 16,
        "turntable_format": "gif",
        "mesh_resolution": 16,
    },
}


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    """Embeddings are kept where no other test or run sees them."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))


def config_of(name, weights, overrides, size=16):
    """A config on a tiny checkpoint: `size` is what its networks were made for."""
    return load_config(load_config(name, overrides), on(weights, size))


def on(weights, size):
    """A tiny checkpoint."""
    return {"prior.weights": str(TINY / weights), "prior.image_size": size}


@pytest.mark.slow
@pytest.mark.parametrize(
    "rule",
    [
        "sds",
        *(pytest.param(rule, marks=pytest.mark.long) for rule in ("dsd", "fsd", "sdi", "nfsd")),
    ],
)
def test_latents_are_led_by_every_rule(rule, tmp_path):
    config = config_of(f"stable_diffusion_2d:{rule}", "sd1_tiny", FLAT)
    evaluation = train(config, tmp_path)
    assert evaluation.views.shape == (2, 1, 16, 16, 3) and not len(evaluation.truths)
    assert np.isfinite(evaluation.views).all() and evaluation.views.std() > 0.05
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert metrics["prompt"] == config.prompt and "psnr_mean" not in metrics
    assert metrics["diversity"] > 0.01
    assert Image.open(tmp_path / "sheet.png").size[0] > 32


def small_objects(rule, weights, size, resolutions):
    """A config of 3D with a stage of two steps at each of the resolutions."""
    config = config_of(f"stable_diffusion_3d:{rule}", weights, SOLID, size)
    if config.scene.shading.name == "point_light":
        config = load_config(config, {"scene.shading.start": 1})
    steps, grid = [2] * len(resolutions), [2] * len(resolutions)
    stages = {"resolution": resolutions, "steps": steps, "grid": grid}
    return load_config(config, {"stages": stages})


def check_objects(config, folder):
    """The pictures, meshes and losses of a run that is finished."""
    evaluation = train(config, folder)
    high = max(config.stages.resolution)
    assert evaluation.views.shape == (2, 3, high, high, 3)
    assert np.isfinite(evaluation.views).all()
    logged = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    used = {name for name, weight in config.losses.items() if weight}
    assert {f"loss/{name}" for name in used} <= set(logged[-1])
    assert all(np.isfinite(value) for line in logged for value in line.values())
    for seed in (0, 1):
        assert (folder / f"seed_{seed}" / "turntable.gif").exists()
    assert set(evaluation.metrics["meshes"]) == {"seed_0", "seed_1"}
    return logged[-1]


@pytest.mark.long
@pytest.mark.parametrize(
    ("rule", "weights", "size", "resolutions"),
    [
        ("sds", "sd1_tiny", 16, [8]),
        ("sds", "sd2_tiny", 32, [8]),
        ("sdi", "sd1_tiny", 16, [8]),
        ("dsd", "sd1_tiny", 16, [8]),
        ("dsd_cached", "sd2_tiny", 32, [8, 16]),
    ],
)
def test_objects_are_trained_by_the_official_recipes(rule, weights, size, resolutions, tmp_path):
    """On SD 1 and 2 (epsilon and v): every stage, all losses, light and hidden levels; DSD with
    its ODE looked up, between bins of Perp-Neg and in bfloat16."""
    check_objects(small_objects(rule, weights, size, resolutions), tmp_path)


@pytest.mark.long
@pytest.mark.parametrize(("blend", "bins"), [(False, None), (True, 4)])
def test_objects_are_trained_by_eight_directions_with_the_ode_looked_up(blend, bins, tmp_path):
    prompts = {"perp_neg": "off", "directions": 8, "blend": blend}
    named = {f"prior.prompts.{name}": value for name, value in prompts.items()}
    config = small_objects("dsd_cached", "sd1_tiny", 16, [8])
    check_objects(load_config(config, named | {"rule.ode_bins": bins}), tmp_path)


@pytest.mark.slow
def test_a_rule_with_a_residual_of_the_image_trains(tmp_path):
    """DSD's recipe otherwise, which alone is above, behind `long`."""
    config = small_objects("dsd", "sd1_tiny", 16, [8])
    check_objects(load_config(config, {"rule.image_weight": 0.1}), tmp_path)


@pytest.mark.long
def test_four_blocks_train_objects(four_blocks, tmp_path):
    """In float32: XLA on CPU aborts on bfloat16 attention with heads of one channel."""
    config = small_objects("sdi", four_blocks, 64, [8])
    check_objects(load_config(config, {"prior.dtype": "float32"}), tmp_path)


@pytest.mark.parametrize(
    ("weights", "size", "resolutions"),
    [("sd1_tiny", 16, [8]), ("sd2_tiny", 32, [8, 16])],  # the second predicts v
)
@pytest.mark.long
def test_vsd_trains_its_adapters_beside_objects(weights, size, resolutions, tmp_path):
    logged = check_objects(small_objects("vsd", weights, size, resolutions), tmp_path)
    assert logged["loss/adapter"] > 0.0


@pytest.mark.slow
def test_vsd_trains_its_adapters_beside_latents(tmp_path):
    """Which is none of the task's own rules."""
    vsd = with_rule(parts_of("stable_diffusion_2d").base, "vsd", ("vsd",), {})
    train(load_config(vsd, FLAT), tmp_path, on("sd1_tiny", 16))
    logged = json.loads((tmp_path / "metrics.jsonl").read_text().splitlines()[-1])
    assert logged["loss/adapter"] > 0.0


@pytest.mark.long
@pytest.mark.parametrize(
    "rule", ["sjc", "csd", "nfsd", "hifa", "ism", "asd", "consistent3d", "fsd", "cfd"]
)
def test_the_other_rules_train_objects_too(rule, tmp_path):
    check_objects(small_objects(rule, "sd1_tiny", 16, [8]), tmp_path)


@pytest.mark.slow
def test_an_interrupted_run_goes_on_with_the_same_numbers(tmp_path):
    config = config_of("stable_diffusion_2d:sds", "sd1_tiny", FLAT | {"run.checkpoint_every": 2})
    whole = train(config, tmp_path / "whole")
    train(config, tmp_path / "part")
    shutil.rmtree(tmp_path / "part" / "checkpoints" / "4")
    (tmp_path / "part" / "metrics.json").unlink()
    resumed = train(config, tmp_path / "part")
    assert resumed.metrics["resumed_at"] == 2
    np.testing.assert_array_equal(resumed.views, whole.views)


SAMPLES = {"seeds": 3, "steps": 4, "resolution": 16}


def draw(workdir, weights=TINY / "sd1_tiny", **overrides):
    config = load_sampling("sample:stable_diffusion", SAMPLES)
    return sample(config, workdir, {"prior.weights": str(weights)} | overrides)


def test_samples_are_written_as_a_grid(tmp_path):
    draw(tmp_path)
    views, truths = load_views(tmp_path / "views.npz")
    assert views.shape == (3, 1, 16, 16, 3) and truths.shape[0] == 0
    names = {"config.json", "metrics.json", "sheet.png", "views.npz"}
    assert {path.name for path in tmp_path.iterdir()} == names | {f"seed_{k}.png" for k in range(3)}
    assert len({view.tobytes() for view in views}) == 3


@pytest.mark.slow
def test_view_dependent_prompts_change_the_views(tmp_path):
    around = {"camera.azimuths": (0.0, 0.0, 180.0), "prior.prompts.view_dependent": True}
    views = draw(tmp_path, **around).views
    np.testing.assert_allclose(views[:, 0], views[:, 1], atol=1e-5)
    assert np.abs(views[:, 0] - views[:, 2]).max() > 1e-3


@pytest.mark.slow
def test_eight_directions_tell_left_from_right_and_a_blend_what_is_between(tmp_path):
    words = {"prior.prompts.view_dependent": True, "prior.prompts.directions": 8}
    around = words | {"camera.azimuths": (80.0, 100.0, 280.0)}
    views = draw(tmp_path / "eight", **around).views
    np.testing.assert_allclose(views[:, 0], views[:, 1], atol=1e-5)
    assert np.abs(views[:, 0] - views[:, 2]).max() > 1e-3
    blended = draw(tmp_path / "blend", **around, **{"prior.prompts.blend": True}).views
    assert np.abs(blended[:, 0] - blended[:, 1]).max() > 1e-4


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        ({"prior.weights": "sd1_tni"}, "sd1_tni"),
        ({"prior.weights": ""}, "config.prior.weights is empty, expected a folder"),
        ({"resolution": 18}, "image_size is 18, expected a multiple of 4"),
        ({"prior.prompts.style": "sufix"}, "did you mean 'suffix'?"),
        ({"prior.prompts.perp_neg": "decaying"}, "perp_neg is on with view_dependent off"),
        ({"prior.prompts.directions": 9}, "prior.prompts.directions is 9, expected 4 or 8."),
        ({"prior.prompts.blend": True}, "blend is on with directions 4, expected 8"),
        ({"prior.name": "embedded"}, "is not a field when config.prior.name is 'embedded'"),
    ],
)
def test_bad_input_is_one_sentence(overrides, sentence, tmp_path):
    with pytest.raises(UserError) as caught:
        draw(tmp_path, **overrides)
    assert sentence in str(caught.value)
    assert not (tmp_path / "sheet.png").exists()


@pytest.mark.slow
def test_a_damaged_checkpoint_loses_nothing(tmp_path):
    copy = shutil.copytree(TINY / "sd1_tiny", tmp_path / "checkpoint")
    draw(tmp_path / "run", copy)
    before = contents(tmp_path / "run")
    file = copy / "unet" / "diffusion_pytorch_model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(UserError, match="safetensors"):
        draw(tmp_path / "run", copy)
    assert contents(tmp_path / "run") == before


@pytest.mark.long
def test_dsd_with_its_ode_looked_up_is_dsd(tmp_path):
    """In the plane, where the prompt names no direction."""
    common = FLAT | {"rule.ode_steps": 10, "prior.dtype": "float32"}
    exact, cached = (
        train(
            config_of("stable_diffusion_2d:dsd", "sd1_tiny", common | {"rule.ode": ode}),
            tmp_path / ode,
        )
        for ode in ("simulated", "cached")
    )
    np.testing.assert_allclose(cached.views, exact.views, atol=1e-4)
