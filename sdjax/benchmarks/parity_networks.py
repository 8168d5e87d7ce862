"""Every network on recorded inputs: outputs and gradients beside those of the official code.

The recorded networks are small, of random weights: diffusers' and transformers' of Stable Diffusion
1 and 2, the official ones of MVDream and Zero-1-to-3.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from sdjax.benchmarks.parity_recordings import channels_last, recorded
from sdjax.files.plain_files import read_json
from sdjax.networks.autoencoder.config import AutoencoderConfig
from sdjax.networks.autoencoder.model import AutoencoderKL
from sdjax.networks.clip.config import TextConfig, VisionConfig
from sdjax.networks.clip.pixels import clip_pixels
from sdjax.networks.clip.text import CLIPText
from sdjax.networks.clip.vision import CLIPVision
from sdjax.networks.parameters import parameter_shapes
from sdjax.networks.unet.config import UNetConfig
from sdjax.networks.unet.model import UNet2DCondition
from sdjax.weights.ldm.pieces import in_pieces
from sdjax.weights.ldm.unet_names import unet_pieces
from sdjax.weights.load import load_params, params_of
from sdjax.weights.safetensors_files import safetensors_names, safetensors_tensors

Pair = tuple[Any, np.ndarray]  # ours, recorded
_CONFIG = "the settings of a recorded network"
_QUICK = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}


class Evaluation(NamedTuple):
    """A network at recorded inputs; without a cotangent only its output is looked at."""

    apply: Callable[[Any, Any], jax.Array]  # of the parameters and x
    params: Any
    x: np.ndarray
    output: np.ndarray  # recorded
    cotangent: np.ndarray | None = None
    gradient: np.ndarray | None = None  # recorded: of sum(output cotangent), by x


class NetworkCheck(NamedTuple):
    """A network at recorded inputs, opened in a dtype."""

    open: Callable[[Path, Any], Evaluation]  # of the folder of recordings
    with_gradient: bool = False  # as well, in single precision: compiling it takes the longest


def compared(evaluation: Evaluation, with_gradient: bool) -> dict[str, Pair]:
    """The output, and `with_gradient` that, beside the recorded ones."""
    x, params = jnp.asarray(evaluation.x), evaluation.params
    # A CPU needs a minute for these programs otherwise, and seconds to run them.
    options = _QUICK if jax.default_backend() == "cpu" else None
    if not with_gradient:
        apply = jax.jit(evaluation.apply, compiler_options=options)
        return {"output": (apply(params, x), evaluation.output)}

    @partial(jax.jit, compiler_options=options)
    def both(params, x, cotangent):
        output, pull = jax.vjp(partial(evaluation.apply, params), x)
        return output, pull(cotangent.astype(output.dtype))[0]

    output, gradient = both(params, x, jnp.asarray(evaluation.cotangent))
    return {
        "output": (output, evaluation.output),
        "gradient": (gradient, evaluation.gradient),
    }


def _loaded(config: Any, network: Any, folder: Path, dtype: Any) -> tuple[Any, Any]:
    """The network of a folder in diffusers' layout, computing in `dtype`, and its parameters."""
    model = network(config.from_dict(read_json(folder / "config.json", _CONFIG)), dtype, dtype)
    return model, load_params(parameter_shapes(model), folder)


def _unet(model: str, folder: Path, dtype: Any) -> Evaluation:
    arrays = recorded(folder, f"tiny_{model}", "unet")
    unet, params = _loaded(UNetConfig, UNet2DCondition, folder / "tiny" / model / "unet", dtype)
    t, context = jnp.asarray(arrays["t"], jnp.int32), jnp.asarray(arrays["context"])
    last = {name: channels_last(arrays[name]) for name in ("x", "out", "R", "grad_x")}
    apply = lambda params, x: unet.apply({"params": params}, x, t, context)  # noqa: E731
    return Evaluation(apply, params, *last.values())


def _mvdream(model: str, folder: Path, dtype: Any) -> Evaluation:
    name = f"multiview/mvdream/{model}"
    arrays = recorded(folder, f"{name}/unet", "two_scenes_t1")
    config = UNetConfig.from_ldm(read_json(folder / name / "config.json", _CONFIG))
    unet = UNet2DCondition(config, dtype, dtype, frames=int(arrays["num_frames"]))
    files = [folder / name / "model.safetensors"]
    tensors = in_pieces(safetensors_tensors(files), unet_pieces(set(safetensors_names(files))))
    params = params_of(parameter_shapes(unet), tensors, name)
    t, context, camera = (jnp.asarray(arrays[key]) for key in ("t", "context", "camera"))
    last = {key: channels_last(arrays[key]) for key in ("x", "eps", "cotangent", "grad_x")}
    apply = lambda params, x: unet.apply(  # noqa: E731
        {"params": params}, x, jnp.int32(t), context, camera=camera
    )
    return Evaluation(apply, params, *last.values())


def _zero123(folder: Path, dtype: Any) -> Evaluation:
    arrays = recorded(folder, "multiview/zero123/nets", "unet_t0")
    place = folder / "multiview/zero123/tiny/unet"
    unet, params = _loaded(UNetConfig, UNet2DCondition, place, dtype)
    t, context = jnp.asarray(arrays["t"], jnp.int32), jnp.asarray(arrays["context"])
    picture = jnp.asarray(channels_last(arrays["cond_latent"]))
    last = {key: channels_last(arrays[key]) for key in ("x", "eps", "cotangent", "grad_x")}
    apply = lambda params, x: unet.apply(  # noqa: E731
        {"params": params}, jnp.concatenate([x, picture], axis=-1), t, context
    )
    return Evaluation(apply, params, *last.values())


def _autoencoder(model: str, way: str, folder: Path, dtype: Any) -> Evaluation:
    names = {
        "encode": ("image", "mean", "R_latent", "grad_image"),
        "decode": ("latents", "decoded", "R_image", "grad_latents"),
    }
    arrays = recorded(folder, f"tiny_{model}", "vae")
    place = folder / "tiny" / model / "vae"
    autoencoder, params = _loaded(AutoencoderConfig, AutoencoderKL, place, dtype)

    def apply(params, x):
        found = autoencoder.apply({"params": params}, x, method=way)
        return found.mean if way == "encode" else found

    return Evaluation(apply, params, *(channels_last(arrays[name]) for name in names[way]))


def _text(model: str, folder: Path, dtype: Any) -> Evaluation:
    arrays = recorded(folder, f"tiny_{model}", "text")
    place = folder / "tiny" / model / "text_encoder"
    encoder, params = _loaded(TextConfig, CLIPText, place, dtype)
    apply = lambda params, ids: encoder.apply({"params": params}, ids).last_hidden_state  # noqa: E731
    ids = np.asarray(arrays["random_ids"], np.int32)
    return Evaluation(apply, params, ids, arrays["random_last_hidden_state"])


def _vision(folder: Path, dtype: Any) -> Evaluation:
    file = "multiview/zero123/nets"
    arrays = recorded(folder, file, "clip_sq224")
    picture = recorded(folder, file, "clip_preprocess_sq224")["image_u8"] / np.float32(127.5) - 1.0
    place = folder / "multiview/zero123/tiny/image_encoder"
    encoder, params = _loaded(VisionConfig, CLIPVision, place, dtype)
    apply = lambda params, x: encoder.apply({"params": params}, clip_pixels(x)).projected  # noqa: E731
    return Evaluation(apply, params, picture[None], arrays["image_embeds"])


NETWORKS: dict[str, NetworkCheck] = {
    "UNet of Stable Diffusion 1": NetworkCheck(partial(_unet, "sd1_tiny"), with_gradient=True),
    "UNet of Stable Diffusion 2": NetworkCheck(partial(_unet, "sd2_tiny")),
    "UNet of MVDream": NetworkCheck(partial(_mvdream, "mv_sd21_tiny")),
    "UNet of Zero-1-to-3": NetworkCheck(_zero123),
    "encoder": NetworkCheck(partial(_autoencoder, "sd1_tiny", "encode"), with_gradient=True),
    "decoder": NetworkCheck(partial(_autoencoder, "sd1_tiny", "decode"), with_gradient=True),
    "text encoder of Stable Diffusion 1": NetworkCheck(partial(_text, "sd1_tiny")),
    "text encoder of Stable Diffusion 2": NetworkCheck(partial(_text, "sd2_tiny")),
    "image encoder of Zero-1-to-3": NetworkCheck(_vision),
}
