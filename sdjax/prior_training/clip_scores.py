"""How well texts fit pictures, by a CLIP."""

from collections.abc import Sequence
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, UInt8

from sdjax.networks.clip.pixels import MEAN, STD
from sdjax.prior_training.clip_model import Clip, Towers
from sdjax.prior_training.float_pictures import float_pictures

Shown = Float[np.ndarray, "n h w 3"] | UInt8[np.ndarray, "n h w 3"]
Unit = Float[np.ndarray, "n features"]
_AT_ONCE = 256  # pictures or texts


def text_image_similarity(
    clip: Clip, pictures: Shown, texts: Sequence[str]
) -> Float[np.ndarray, "pictures texts"]:
    """The cosine of the angle between the embeddings of each picture and of each text (Radford et
    al., arXiv 2103.00020); CLIP scores are 100 of it, or 0 where it is negative."""
    return picture_features(clip, pictures) @ text_features(clip, texts).T


def picture_features(clip: Clip, pictures: Shown) -> Unit:
    """The embeddings, of length 1, of square pictures (uint8 or in [0, 1]) of any size."""
    return _in_parts(partial(_pictures, clip.towers, clip.params), pictures)


def text_features(clip: Clip, texts: Sequence[str]) -> Unit:
    """The embeddings, of length 1."""
    return _in_parts(partial(_texts, clip.towers, clip.params), clip.tokenize(texts))


def seen(
    towers: Towers, params: dict, pictures: Float[Array, "n h w 3"]
) -> Float[Array, "n features"]:
    """The unit vectors of pictures in [0, 1] of the tower's size."""
    pixels = (pictures - jnp.asarray([[[MEAN]]])) / jnp.asarray([[[STD]]])
    return _unit(towers.vision.apply({"params": params["vision"]}, pixels).projected)


def said(towers: Towers, params: dict, ids: Int[Array, "n tokens"]) -> Float[Array, "n features"]:
    """The unit vectors of texts."""
    return _unit(towers.text.apply({"params": params["text"]}, ids).projected)


@partial(jax.jit, static_argnums=0)
def _pictures(towers, params, pictures):
    return seen(towers, params, float_pictures(pictures, towers.vision.config.image_size))


@partial(jax.jit, static_argnums=0)
def _texts(towers, params, ids):
    return said(towers, params, ids)


def _unit(vectors: Float[Array, "n features"]) -> Float[Array, "n features"]:
    return vectors / jnp.linalg.norm(vectors, axis=-1, keepdims=True)


def _in_parts(embed, given) -> Unit:
    starts = range(0, len(given), _AT_ONCE)
    return np.concatenate([np.asarray(embed(given[i : i + _AT_ONCE])) for i in starts])
