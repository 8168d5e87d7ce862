"""The UNet of MVDream against recorded outputs and gradients of the official code."""

import functools
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.diffusion.guided import classifier_free_guidance
from sdjax.networks.parameters import parameter_shapes
from sdjax.networks.timestep_embedding import sinusoids
from sdjax.networks.unet.config import UNetConfig
from sdjax.networks.unet.model import UNet2DCondition
from sdjax.weights.ldm.pieces import in_pieces
from sdjax.weights.ldm.unet_names import unet_pieces
from sdjax.weights.load import params_of
from sdjax.weights.safetensors_files import safetensors_names, safetensors_tensors
from tests import reference
from tests.multiview_folders import recorded_cases
from tests.networks.components import deviation, random_params

FOLDER = reference.FOLDER / "multiview" / "mvdream"
MODELS = sorted(folder.name for folder in FOLDER.glob("*") if folder.is_dir())
TOLERANCE = 2e-5


@functools.cache
def loaded(model: str):
    """The configuration of a recorded network, and its parameters."""
    config = UNetConfig.from_ldm(json.loads((FOLDER / model / "config.json").read_text()))
    files = [FOLDER / model / "model.safetensors"]
    tensors = in_pieces(safetensors_tensors(files), unet_pieces(set(safetensors_names(files))))
    template = parameter_shapes(UNet2DCondition(config))
    return config, params_of(template, tensors, model)


@functools.cache
def cases(model: str):
    """Those with inputs; the rest of a file is about other things."""
    recorded = recorded_cases(f"mvdream/{model}/unet")
    return {name: case for name, case in recorded.items() if "eps" in case}


@functools.cache
def evaluation(model: str, frames: int):
    config, params = loaded(model)
    apply = jax.jit(UNet2DCondition(config, frames=frames).apply)
    return functools.partial(apply, {"params": params})


def inputs(case):
    """x, t, context and camera (None where there is none), channels last."""
    camera = case.get("camera")
    return (
        jnp.asarray(reference.channels_last(case["x"])),
        jnp.asarray(case["t"], jnp.int32),
        jnp.asarray(case["context"]),
        None if camera is None else jnp.asarray(camera),
    )


def predicted(model: str, case):
    x, t, context, camera = inputs(case)
    return evaluation(model, int(case["num_frames"]))(x, t, context, camera=camera)


def named(model: str) -> list:
    return [pytest.param(model, name, id=f"{model}-{name}") for name in cases(model)]


@pytest.mark.slow
@pytest.mark.parametrize(("model", "name"), [case for model in MODELS for case in named(model)])
def test_predictions_match_the_official_network(model, name):
    case = cases(model)[name]
    output = predicted(model, case)
    assert deviation(output, reference.channels_last(case["eps"])) < TOLERANCE
    for array, expected in case.items():
        if array.startswith("eps_guided_s"):
            text, unconditional = jnp.split(output, 2)
            scale = float(array.removeprefix("eps_guided_s"))
            guided = classifier_free_guidance(text, unconditional, scale)
            assert deviation(guided, reference.channels_last(expected)) < TOLERANCE


@functools.cache
def gradients(model: str, frames: int, remat: str):
    """A function of inputs and cotangent: of sum(output cotangent), by x, context and camera."""
    config, params = loaded(model)
    network = UNet2DCondition(config, frames=frames, remat=remat)

    @jax.jit
    def gradient(params, x, t, context, camera, cotangent):
        def output(x, context, camera):
            return network.apply({"params": params}, x, t, context, camera=camera)

        return jax.vjp(output, x, context, camera)[1](cotangent)

    return functools.partial(gradient, params)


def with_gradients() -> list:
    return [
        (model, name) for model in MODELS for name in cases(model) if "grad_x" in cases(model)[name]
    ]


def check_gradients(model: str, name: str, remat: str) -> None:
    case = cases(model)[name]
    cotangent = jnp.asarray(reference.channels_last(case["cotangent"]))
    gradient = gradients(model, int(case["num_frames"]), remat)
    of_x, of_context, of_camera = gradient(*inputs(case), cotangent)
    assert deviation(of_x, reference.channels_last(case["grad_x"])) < TOLERANCE
    assert deviation(of_context, case["grad_context"]) < TOLERANCE
    assert deviation(of_camera, case["grad_camera"]) < TOLERANCE


@pytest.mark.slow
@pytest.mark.parametrize(("model", "name"), with_gradients())
def test_gradients_match_the_official_network(model, name):
    check_gradients(model, name, remat="none")


@pytest.mark.slow
def test_gradients_that_compute_blocks_again_are_the_same():
    check_gradients(*with_gradients()[0], remat="blocks")


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS)
def test_embeddings_and_blocks_match_the_official_network(model):
    config, params = loaded(model)
    (case,) = (case for case in cases(model).values() if "tap_camera_embed" in case)
    x, t, context, camera = inputs(case)
    network = UNet2DCondition(config, frames=int(case["num_frames"]))
    apply = functools.partial(network.apply, capture_intermediates=True)
    _, state = jax.jit(apply)({"params": params}, x, t, context, camera=camera)
    seen = state["intermediates"]

    waves = sinusoids(t, config.block_out_channels[0])
    assert deviation(waves, case["tap_timestep_embedding"]) < TOLERANCE
    taps = {
        "time_embed": seen["time_embedding"],
        "camera_embed": seen["camera_embedding"],
        "input_block_0": seen["conv_in"],
        "middle_block": seen["mid_block"],
        f"output_block_{_last(case)}": seen[f"up_blocks_{len(config.block_out_channels) - 1}"],
    }
    for name, tap in taps.items():
        expected = case[f"tap_{name}"]
        expected = reference.channels_last(expected) if expected.ndim == 4 else expected
        assert deviation(tap["__call__"][0], expected) < TOLERANCE, name


def _last(case) -> int:
    start = "tap_output_block_"
    return max(int(name.removeprefix(start)) for name in case if name.startswith(start))


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS)
def test_other_orders_of_the_views_give_the_same_predictions_in_that_order(model):
    case = next(case for case in cases(model).values() if "tap_camera_embed" in case)
    order = np.random.default_rng(0).permutation(len(case["x"]))
    rows = ("x", "t", "context", "camera")
    turned = {name: array[order] if name in rows else array for name, array in case.items()}
    output = predicted(model, case)
    assert deviation(predicted(model, turned), output[order]) < TOLERANCE


@pytest.mark.slow
def test_scenes_of_a_batch_do_not_mix():
    model = MODELS[0]
    case = next(
        case
        for case in cases(model).values()
        if len(case["x"]) > int(case["num_frames"]) > 1 and "camera" in case
    )
    views = int(case["num_frames"])
    together = predicted(model, case)
    rows = ("x", "t", "context", "camera")
    first = {name: array[:views] if name in rows else array for name, array in case.items()}
    assert deviation(predicted(model, first), together[:views]) < TOLERANCE


def small(camera_features: int | None = 5, frames: int = 2) -> UNet2DCondition:
    fields = {
        "model_channels": 32,
        "attention_resolutions": [1],
        "num_res_blocks": 1,
        "channel_mult": [1],
        "num_heads": 2,
        "context_dim": 6,
        "camera_dim": camera_features,
    }
    return UNet2DCondition(UNetConfig.from_ldm(fields), frames=frames)


def applied(network, rows=4, features=5):
    params = random_params(network)
    camera = None if features is None else jnp.ones((rows, features))
    arguments = jnp.ones((rows, 4, 4, 4)), 3, jnp.ones((rows, 2, 6))
    return network.apply({"params": params}, *arguments, camera=camera)


def test_no_parameter_depends_on_the_number_of_views():
    shapes = [parameter_shapes(small(frames=frames)) for frames in (1, 4)]
    assert shapes[0] == shapes[1]
    assert "camera_embedding" in shapes[0]
    assert "camera_embedding" not in parameter_shapes(small(camera_features=None))


@pytest.mark.slow
def test_half_precision_is_kept():
    network = small().clone(dtype=jnp.bfloat16, param_dtype=jnp.bfloat16)
    assert applied(network).dtype == jnp.bfloat16


def test_rows_that_are_no_whole_scenes_are_refused():
    with pytest.raises(ValueError, match="latents have 3 rows, expected a multiple of 2"):
        applied(small(), rows=3)


def test_cameras_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"camera has shape \[4, 7\], expected \[4, 5\]"):
        applied(small(), features=7)
    with pytest.raises(ValueError, match="no camera embedding, expected weights of MVDream"):
        applied(small(camera_features=None))
