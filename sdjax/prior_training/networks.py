"""The networks of a small Stable Diffusion, as diffusers and transformers describe them."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from sdjax.config.fields import flag, one_of, several, whole
from sdjax.networks.autoencoder.config import AutoencoderConfig
from sdjax.networks.autoencoder.model import AutoencoderKL
from sdjax.networks.clip.config import TextConfig
from sdjax.networks.clip.text import CLIPText
from sdjax.networks.parameters import parameter_shapes
from sdjax.networks.unet.config import UNetConfig
from sdjax.networks.unet.model import UNet2DCondition

_CUT_DEVIATION = 0.87962566  # of a standard normal number within two deviations
Table = dict[str, Any]  # a config.json

AUTOENCODER = {
    "channels": several(whole(at_least=1)).of((16, 32, 64), "of each level, the finest first"),
    "layers": whole(at_least=1).of(1, "residual blocks of a level"),
    "latent_channels": whole(at_least=1).of(4, "of the latents"),
    "groups": whole(at_least=1).of(4, "into which a norm divides the channels"),
}
TEXT = {
    "width": whole(at_least=1).of(96, "features of a token"),
    "layers": whole(at_least=1).of(2, "of the text encoder"),
    "heads": whole(at_least=1).of(4, "of the text encoder's attention"),
    "tokens": whole(at_least=3, at_most=77).of(24, "of a prompt, with its marks of start and end"),
}
UNET = {
    "channels": several(whole(at_least=1)).of((48, 96), "of each level, the finest first"),
    "layers": whole(at_least=1).of(1, "residual blocks of a level"),
    "heads": several(whole(at_least=1)).of((2, 4), "of each level's attention"),
    "groups": whole(at_least=1).of(8, "into which a norm divides the channels"),
    "attention": several(flag()).of((False, True), "whether a level looks at the text"),
}
PREDICTION = one_of("epsilon", "v_prediction").of("v_prediction", "what the UNet predicts")


class Networks(NamedTuple):
    """The three networks of a checkpoint."""

    autoencoder: AutoencoderKL
    text: CLIPText
    unet: UNet2DCondition


class Tables(NamedTuple):
    """Their config.json files, and that of the noise schedule."""

    autoencoder: Table
    text: Table
    unet: Table
    scheduler: Table


def networks(tables: Tables) -> Networks:
    """The modules, in float32; `UserError` for tables that Stable Diffusion cannot have."""
    return Networks(
        AutoencoderKL(AutoencoderConfig.from_dict(tables.autoencoder)),
        CLIPText(TextConfig.from_dict(tables.text)),
        UNet2DCondition(UNetConfig.from_dict(tables.unet)),
    )


def autoencoder_table(
    channels: tuple[int, ...], layers: int, latent_channels: int, groups: int, resolution: int
) -> Table:
    """`channels` from the finest level to the coarsest, each half the size of the one before.

    `groups` of the norms: few of them keep what a channel's mean over the picture says of colours,
    which a norm of its own would take away.
    """
    return {
        "_class_name": "AutoencoderKL",
        "act_fn": "silu",
        "block_out_channels": list(channels),
        "down_block_types": ["DownEncoderBlock2D"] * len(channels),
        "in_channels": 3,
        "latent_channels": latent_channels,
        "layers_per_block": layers,
        "norm_num_groups": groups,
        "out_channels": 3,
        "sample_size": resolution,
        "scaling_factor": 1.0,  # folded into the convolutions beside the latents
        "up_block_types": ["UpDecoderBlock2D"] * len(channels),
    }


def unet_table(
    channels: tuple[int, ...],
    layers: int,
    heads: tuple[int, ...],
    groups: int,
    attention: tuple[bool, ...],
    latents: tuple[int, int],
    text_width: int,
) -> Table:
    """`latents` are (side, channels); `attention` says which levels look at the text."""
    down = ["CrossAttnDownBlock2D" if attends else "DownBlock2D" for attends in attention]
    up = ["CrossAttnUpBlock2D" if attends else "UpBlock2D" for attends in reversed(attention)]
    return {
        "_class_name": "UNet2DConditionModel",
        "act_fn": "silu",
        "attention_head_dim": list(heads),
        "block_out_channels": list(channels),
        "center_input_sample": False,
        "cross_attention_dim": text_width,
        "down_block_types": down,
        "flip_sin_to_cos": True,
        "freq_shift": 0,
        "in_channels": latents[1],
        "layers_per_block": layers,
        "norm_eps": 1e-5,
        "norm_num_groups": groups,
        "out_channels": latents[1],
        "sample_size": latents[0],
        "up_block_types": up,
        "use_linear_projection": True,
    }


def text_table(width: int, layers: int, heads: int, vocabulary: int, length: int) -> Table:
    """A CLIP text tower whose last two tokens are the marks for start and end."""
    return {
        "architectures": ["CLIPTextModel"],
        "model_type": "clip_text_model",
        "bos_token_id": vocabulary - 2,
        "eos_token_id": vocabulary - 1,
        "pad_token_id": vocabulary - 1,
        "hidden_act": "quick_gelu",
        "hidden_size": width,
        "intermediate_size": 4 * width,
        "layer_norm_eps": 1e-5,
        "max_position_embeddings": length,
        "num_attention_heads": heads,
        "num_hidden_layers": layers,
        "projection_dim": width,
        "vocab_size": vocabulary,
    }


def scheduler_table(prediction_type: str) -> Table:
    """Stable Diffusion's schedule."""
    return {
        "_class_name": "DDIMScheduler",
        "beta_end": 0.012,
        "beta_schedule": "scaled_linear",
        "beta_start": 0.00085,
        "clip_sample": False,
        "num_train_timesteps": 1000,
        "prediction_type": prediction_type,
        "set_alpha_to_one": False,
        "steps_offset": 1,
        "timestep_spacing": "leading",
    }


def initial_params(key: jax.Array, module: Any) -> Any:
    """Random float32 parameters of one of the networks, distributed as Flax's defaults: norms 1,
    biases 0, kernels and embeddings normal, cut at two deviations, of variance 1 / inputs.

    All are drawn at once: a program that draws each by itself takes XLA half a minute to compile.
    """
    leaves, tree = jax.tree.flatten_with_path(parameter_shapes(module))
    ends = np.cumsum([leaf.size for _, leaf in leaves])
    normal = jax.random.truncated_normal(key, -2.0, 2.0, (int(ends[-1]),))
    parts = np.split(np.asarray(normal), ends[:-1])
    drawn = zip(leaves, parts, strict=True)
    return jax.tree.unflatten(
        tree, [_initial(path[-1].key, part.reshape(leaf.shape)) for (path, leaf), part in drawn]
    )


def _initial(name: str, normal: np.ndarray) -> jax.Array:
    if name in ("scale", "bias"):
        return jnp.full(normal.shape, name == "scale", jnp.float32)
    inputs = normal.shape[-1] if name == "embedding" else np.prod(normal.shape[:-1])
    return jnp.asarray(normal / np.float32(_CUT_DEVIATION * np.sqrt(inputs)))
