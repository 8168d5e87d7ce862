"""The configs of MVDream and Zero-1-to-3 end to end, on tiny checkpoints of random weights."""

import numpy as np
import pytest
from PIL import Image

from sdjax.config.errors import UserError
from sdjax.runs.combinations import check_config
from sdjax.runs.schema import load_config
from sdjax.sample import load_config as load_sampling
from sdjax.sample import sample
from tests.multiview_folders import mvdream_file, mvdream_folder, zero123_file, zero123_folder
from tests.test_stable_diffusion_runs import SOLID, check_objects

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("quick_compilation")]


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    """Embeddings are kept where no other test or run sees them."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """The folder or file of each prior's weights."""
    folder = tmp_path_factory.mktemp("weights")
    return {
        "mvdream": str(mvdream_folder(folder / "mvdream")),
        "mvdream_file": str(mvdream_file(folder / "sd-v2.1-base-4view.safetensors")),
        "zero123": str(zero123_folder(folder / "zero123")),
        "stable_zero123": str(zero123_folder(folder / "stable", stable=True)),
        "zero123_file": str(zero123_file(folder / "zero123-xl.safetensors")),
    }


@pytest.fixture(scope="module")
def picture(tmp_path_factory):
    """A red ball with transparency around it."""
    size = 128
    y, x = np.mgrid[:size, :size] - size / 2 + 0.5
    inside = np.hypot(x, y) < 0.3 * size
    rgba = np.zeros((size, size, 4), np.uint8)
    rgba[..., 0], rgba[..., 3] = 200, 255 * inside
    file = tmp_path_factory.mktemp("pictures") / "ball.png"
    Image.fromarray(rgba).save(file)
    return str(file)


def small(name, prior, number=1, **changes):
    """A task with so many stages of two steps, each with views of its own."""
    config = load_config(name, SOLID | {"scene": {**SOLID["scene"], "progressive": None}})
    stages = {"steps": (2, 2), "resolution": (8, 16), "grid": (2, 2), "views": (4, 8)}
    if "zero123" in name:
        stages |= {"views": (1, 2), "reference_resolution": (16, 8)}
    stages = {name: column[:number] for name, column in stages.items()}
    prior = {"dtype": "float32", "image_size": 32, **prior}
    return load_config(config, {"stages": stages, "prior": prior, **changes})


OF_MVDREAM = ("sds", "dsd", "dsd_cached", "fsd", "cfd", "sdi", "vsd")
OF_ZERO123 = ("sds", "dsd", "dsd_cached", "sdi", "vsd")
long = pytest.mark.long


def first_alone(rules):
    """All of them, with two stages, which take minutes together, and the first with one."""
    return [(rules[0], 1), *(pytest.param(rule, 2, marks=long) for rule in rules)]


@pytest.mark.parametrize(("rule", "stages"), first_alone(OF_MVDREAM))
def test_objects_are_led_by_mvdream(rule, stages, weights, tmp_path):
    changes = {"rule.ode_bins": 2} if rule == "dsd_cached" else {}
    config = small(f"mvdream_3d:{rule}", {"weights": weights["mvdream"]}, stages, **changes)
    check_config(config)
    logged = check_objects(config, tmp_path)
    assert logged["loss/guidance"] > 0


@pytest.mark.parametrize(("rule", "stages"), first_alone(OF_ZERO123))
def test_objects_are_led_by_a_picture(rule, stages, weights, picture, tmp_path):
    prior = {"weights": weights["zero123"], "image": picture, "image_size": 64}
    changes = {"rule.ode_bins": 3} if rule == "dsd_cached" else {}
    config = small(f"zero123_3d:{rule}", prior, stages, **changes)
    check_config(config)
    logged = check_objects(config, tmp_path)
    assert logged["loss/reference_rgb"] > 0 and logged["loss/reference_mask"] > 0


SOURCES = (
    ("mvdream", "mvdream", {}),
    ("mvdream", "mvdream_file", {"tokenizer": "mvdream"}),
    ("zero123", "zero123", {}),
    ("zero123", "stable_zero123", {"pose": "elevation"}),
    ("zero123", "zero123_file", {}),
)


@pytest.mark.parametrize(("prior", "source", "fields"), SOURCES)
def test_views_are_drawn_from_every_kind_of_weights(
    prior, source, fields, weights, picture, tmp_path
):
    """Four in a row, of two seeds; with one noise per view the views differ."""
    fields = {name: weights.get(value, value) for name, value in fields.items()}
    own = {"weights": weights[source], "dtype": "float32", **fields}
    if prior == "zero123":
        own["image"] = picture
    changes = {"prior": own, "seeds": 2, "steps": 2, "resolution": 32}
    evaluation = sample(load_sampling(f"sample:{prior}", changes), tmp_path)
    assert evaluation.views.shape[:2] == (2, 4) and np.isfinite(evaluation.views).all()
    assert (tmp_path / "seed_1.png").is_file()
    assert np.abs(evaluation.views[:, 0] - evaluation.views[:, 1]).max() > 0.01


def test_views_that_are_no_rig(weights, tmp_path):
    changes = {"prior.weights": weights["mvdream"], "camera.azimuths": (0.0, 90.0)}
    with pytest.raises(
        UserError, match=r"config\.camera\.azimuths is \(0\.0, 90\.0\), expected 4 or a"
    ):
        sample(load_sampling("sample:mvdream", changes), tmp_path)


def test_a_run_without_a_picture_is_told_at_once(weights):
    config = small("zero123_3d:sds", {"weights": weights["zero123"]})
    with pytest.raises(UserError, match=r"config\.prior\.image is empty"):
        check_config(config)
