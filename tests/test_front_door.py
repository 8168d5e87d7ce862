"""`import sdjax` imports nothing, its names are there when asked for, and the core is light."""

import importlib
import subprocess
import sys
import types

import jax
import jax.numpy as jnp
import jaxtyping
import pytest

import sdjax as sd
from sdjax.rules import RULES
from tests import tiny

HEAVY = (
    "orbax", "skimage", "trimesh", "tensorboardX", "imageio", "rich", "PIL", "torch", "scipy",
    "sklearn", "transformers", "huggingface_hub", "safetensors", "ml_collections", "flax",
    "tokenizers", "msgpack",
)  # fmt: skip
CORE = """
import sys, time
import jax, jaxtyping, chex, optax
before = set(sys.modules)
start = time.perf_counter()
import sdjax
print(time.perf_counter() - start, sum(name.startswith("sdjax") for name in sys.modules))
for name in ("rules", "diffusion.ddim", "diffusion.mixtures", "diffusion.annealing", "cameras"):
    __import__(f"sdjax.{name}")
sdjax.guidance_loss, sdjax.noise, sdjax.dsd
print(sorted({name.partition(".")[0] for name in set(sys.modules) - before}))
"""


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)


def test_importing_the_core_imports_none_of_the_rest():
    """And `import sdjax` is over at once: the best of a few tries, on a busy machine too."""
    tries = [run(CORE).stdout.splitlines() for _ in range(3)]
    seconds = [float(timing.split()[0]) for timing, _ in tries]
    assert min(seconds) < 0.05
    assert tries[0][0].split()[1] == "1"
    for _, loaded in tries:
        assert not set(eval(loaded)) & set(HEAVY)


def test_every_name_is_there():
    assert set(RULES) <= set(sd.__all__) <= set(dir(sd))
    for name in sd.__all__:
        assert getattr(sd, name) is not None
    with pytest.raises(AttributeError, match="has no attribute 'sdz'"):
        sd.sdz  # noqa: B018


def test_a_function_stays_one_when_its_module_is_imported():
    for name in ("train", "sample", "export", "compare"):
        module = importlib.import_module(f"sdjax.{name}")
        assert getattr(sd, name) is vars(module)[name]
        assert isinstance(getattr(sd, name), types.FunctionType)


@pytest.fixture
def without_type_checks():
    """As users have it: the tests' own checks of annotations come before the package's."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


def own_predictor():
    return tiny.PRIOR.predictor(tiny.CONDITIONING, tiny.cameras(0))


@pytest.mark.slow
def test_sds_needs_neither_progress_nor_view():
    loss = sd.guidance_loss(sd.sds(tiny.PRIOR.schedule, guidance_scale=7.5))
    latents = jnp.zeros((1, *tiny.SHAPE))
    gradient, _ = jax.grad(loss, has_aux=True)(latents, jax.random.key(0), (), own_predictor())
    assert gradient.shape == latents.shape and jnp.abs(gradient).max() > 0


@pytest.mark.parametrize("rule", ["fsd", "dsd", "sdi", "hifa", "consistent3d"])
def test_a_rule_says_that_it_needs_the_progress(rule):
    rule = getattr(sd, rule)(tiny.PRIOR.schedule)
    state = rule.init(jax.random.key(0), tiny.SHAPE)
    latents = jnp.zeros((1, *tiny.SHAPE))
    with pytest.raises(sd.UserError, match="progress was left out, expected step / total steps"):
        sd.guidance_loss(rule)(latents, jax.random.key(0), state, own_predictor())


def test_noise_of_a_place_says_that_it_needs_the_view():
    rule = sd.sds(tiny.PRIOR.schedule, noise=sd.noise.world_map())
    state = rule.init(jax.random.key(0), tiny.SHAPE)
    with pytest.raises(sd.UserError, match="view was left out"):
        sd.guidance_loss(rule)(
            jnp.zeros((1, *tiny.SHAPE)), jax.random.key(0), state, own_predictor()
        )


@pytest.mark.parametrize("rule", sorted(set(sd.__all__) & set(RULES) - {"vsd", "exact_vsd"}))
def test_latents_without_views_are_one_sentence(rule, without_type_checks):
    rule = getattr(sd, rule)(tiny.PRIOR.schedule)
    with pytest.raises(sd.UserError, match=r"latents has shape \[8, 8, 3\], expected \[views, "):
        sd.guidance_loss(rule)(
            jnp.zeros(tiny.SHAPE), jax.random.key(0), (), own_predictor(), progress=0.5
        )


def test_a_view_of_other_cameras_is_one_sentence(without_type_checks):
    rule = sd.sds(tiny.PRIOR.schedule)
    view = sd.View(tiny.cameras(0, 1), jnp.ones((1, 8, 8, 1)))
    with pytest.raises(sd.UserError, match=r"view.camera.azimuth has shape \[2\], expected \[1\]"):
        sd.guidance_loss(rule)(
            jnp.zeros((1, *tiny.SHAPE)), jax.random.key(0), (), own_predictor(), view=view
        )


def test_pictures_without_views_are_one_sentence(without_type_checks):
    with pytest.raises(sd.UserError, match=r"image has shape \[8, 8, 3\], expected \[views, heig"):
        tiny.PRIOR.encode(jnp.zeros(tiny.SHAPE))
