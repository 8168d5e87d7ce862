"""The analyse command: its pictures, its numbers and its errors."""

import json

import numpy as np
import pytest
from PIL import Image

from sdjax.analyse import analyse
from sdjax.analysis.checks import check_config, load_config
from sdjax.config.errors import UserError
from tests.reference import FOLDER
from tests.small_runs import CONFIGS, contents

pytestmark = pytest.mark.usefixtures("quick_compilation")
NAMES = sorted(path.stem for path in (CONFIGS / "analysis").glob("*.py"))
SMALL = {
    "prompt": "a chair",
    "stages": {"steps": (6,), "resolution": (16,)},
    "ddim.steps": 5,
    "run.devices": 1,
}
NOISE = {"seeds": 2, "analysis.patches": 4, "analysis.shown": 1}
VIEWS = {
    "prompts": ("a mug", "a tree"),
    "resolution": 8,
    "camera.azimuths": (0.0, 120.0, 240.0),
    "ddim.steps": 5,
    "analysis.perplexity": 3.0,
}


def config_of(name, keep=(), **overrides):
    """A small configuration with some of the runs."""
    table = load_config(f"analysis/{name}").to_dict()
    if keep:
        table["runs"] = {run: table["runs"][run] for run in keep}
    return load_config(table, overrides)


def picture_of(folder, name):
    files = {path.name for path in folder.iterdir()}
    assert files == {"config.json", "numbers.json", f"{name}.png"}
    return np.asarray(Image.open(folder / f"{name}.png"))


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_every_configuration_is_valid_and_says_its_command(name):
    for prior in ("embedded", "stable_diffusion"):
        check_config(load_config(f"analysis/{name}:{prior}"))
    said = f"sdjax analyse --config=analysis/{name} --workdir="
    assert said in (CONFIGS / "analysis" / f"{name}.py").read_text()


def test_trajectories(tmp_path):
    config = config_of("trajectories", ["FSD"], **SMALL, **{"analysis.moments": 3})
    numbers = analyse(config, tmp_path)
    assert json.loads((tmp_path / "numbers.json").read_text()) == numbers
    found = numbers["clean variable to one-step estimate (rms)"]
    assert list(found) == ["DDIM", "FSD"] and list(found["DDIM"]) == [
        "t = 999",
        "t = 599",
        "t = 199",
    ]
    assert len(found["FSD"]) == 3 and all(np.isfinite([*found["FSD"].values()]))
    height, width, _ = picture_of(tmp_path, "trajectories").shape
    assert width > 3 * 128 and height > 6 * 128


@pytest.mark.slow
def test_initial_noise(tmp_path):
    small = {**SMALL, **NOISE, "stages.steps": (8,)}
    found = analyse(config_of("initial_noise", ["DSD*"], **small), tmp_path)
    for numbers in found["differences of images (rms)"].values():
        assert numbers["flipped left-right, to the mirror image"] < 0.01 < numbers["shuffled"]
    height, width, _ = picture_of(tmp_path, "initial_noise").shape
    assert width > 4 * 128 and height > 3 * 128


@pytest.mark.slow
def test_inverted_noise(tmp_path):
    found = analyse(config_of("inverted_noise", **VIEWS), tmp_path)
    assert list(found) == ["the views themselves", "their DDIM-inverted noise"]
    for numbers in found.values():
        assert numbers["nearest is of the same object"] > numbers["by chance"] == 0.182
    picture_of(tmp_path, "inverted_noise")
    before = contents(tmp_path)
    with pytest.raises(UserError, match="holds a run with another configuration"):
        analyse(
            config_of("inverted_noise", **VIEWS, **{"analysis.objects_per_prompt": 1}), tmp_path
        )
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    ("name", "overrides", "sentence"),
    [
        ("trajectories", {"seeds": 2}, "config.seeds is 2, expected 1: the trajectories are"),
        ("trajectories", {"prompt": "a chiar"}, 'unknown prompt "a chiar"'),
        ("trajectories", {"analysis.moments": 1}, "config.analysis.moments is 1, expected a whole"),
        ("trajectories", {"analysis.name": "trajectory"}, "did you mean 'trajectories'?"),
        (
            "trajectories",
            {"ddim.spacing": "even"},
            "config.ddim.spacing is 'even', expected one of",
        ),
        (
            "trajectories",
            {"runs.FSD.annealing.t_min": 3.0},
            "config.runs.FSD.annealing.t_min is 3.0, expected",
        ),
        ("trajectories", {"scene.name": "mlp"}, "config.scene"),
        (
            "initial_noise",
            {"analysis.patches": 5},
            "patches is 5, expected a divisor of the latents'",
        ),
        ("initial_noise", {"runs.FSD.noise.name": "gaussian"}, "does not keep one noise of the"),
        ("inverted_noise", {"prompts": ("a mug", "a cup")}, 'unknown prompt "a cup"'),
        (
            "inverted_noise",
            {"camera.azimuths": (0.0,)},
            "config.camera.azimuths 1 views, expected 2",
        ),
        (
            "inverted_noise",
            {"analysis.perplexity": 256.0},
            "config.analysis.perplexity is 256.0, expected less than the 256 views of all objects.",
        ),
        ("inverted_noise", {"prior.data_std": -1.0}, "config.prior.data_std is -1.0, expected"),
        (
            "inverted_noise:stable_diffusion",
            {"prior.weights": ""},
            "config.prior.weights is empty, expected",
        ),
    ],
)
def test_bad_input_is_one_sentence_before_anything_is_written(name, overrides, sentence, tmp_path):
    small = {"stages.resolution": (8,)} if name == "initial_noise" else {}
    with pytest.raises(UserError) as caught:
        analyse(config_of(name), tmp_path / "run", {**small, **overrides})
    assert sentence in str(caught.value)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(("name", "command"), [("demo", "train"), ("sample", "sample")])
def test_a_configuration_of_another_command(name, command, tmp_path):
    with pytest.raises(
        UserError, match=rf"one of sdjax\.{command}, expected one of sdjax\.analyse"
    ):
        analyse(name, tmp_path)


@pytest.mark.parametrize("name", NAMES)
def test_a_configuration_says_which_priors_it_has(name):
    with pytest.raises(UserError, match=r":dall_e is not known, expected one of embedded, "):
        load_config(f"analysis/{name}:dall_e")


@pytest.mark.long
@pytest.mark.parametrize("name", ["trajectories", "initial_noise", "inverted_noise"])
def test_stable_diffusion_of_random_weights(name, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    weights = {"prior.weights": str(FOLDER / "tiny" / "sd1_tiny"), "ddim.steps": 4}
    if name == "inverted_noise":
        sizes = {**VIEWS, "resolution": 16}
    else:
        sizes = {"stages.steps": (4,), "run.devices": 1, "prior.image_size": 16}
        sizes |= {"seeds": 2} if name == "initial_noise" else {}
    numbers = analyse(config_of(f"{name}:stable_diffusion", **sizes | weights), tmp_path / "run")
    assert picture_of(tmp_path / "run", name).std() > 10
    assert np.isfinite(list(_leaves(numbers))).all()


def _leaves(numbers):
    for value in numbers.values():
        yield from _leaves(value) if isinstance(value, dict) else [value]
