"""What a CLIP learns: which captions belong to which pictures."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, UInt8

from sdjax.prior_training.clip_model import Towers
from sdjax.prior_training.clip_scores import said, seen
from sdjax.prior_training.disturbances import disturbed
from sdjax.prior_training.fitting import Params, fields_of_stage
from sdjax.prior_training.float_pictures import float_pictures

FIELDS = fields_of_stage(
    steps=4000,
    batch=64,
    learning_rate=1e-3,
    warmup=200,
    weight_decay=0.05,
    average=0.998,
    clip=1.0,
)
_LARGEST_SCALE = 100.0  # of cosines, as in the paper


def clip_loss(
    towers: Towers,
    params: Params,
    pictures: UInt8[Array, "b h w 3"],
    ids: Int[Array, "b tokens"],
    key: jax.Array,
) -> tuple[Float[Array, ""], dict[str, Float[Array, ""]]]:
    """Symmetric cross entropy of the cosines of `disturbed` pictures and captions, times a learned
    scale (Radford et al., arXiv 2103.00020, figure 3), and what is logged.

    One caption may fit several pictures: here the target of a picture is not its own caption alone,
    but spread evenly over all captions of the batch that say the same, and likewise the target of a
    caption.  Captions that say less of the same picture still count as wrong.
    """
    shown = disturbed(key, float_pictures(pictures, towers.vision.config.image_size))
    scale = jnp.exp(jnp.minimum(params["logit_scale"], jnp.log(_LARGEST_SCALE)))
    logits = scale * seen(towers, params, shown) @ said(towers, params, ids).T
    same = jnp.all(ids[:, None] == ids[None], axis=-1)
    targets = same / same.sum(1, keepdims=True)
    loss = 0.5 * (_cross_entropy(logits, targets) + _cross_entropy(logits.T, targets))
    found = jnp.take_along_axis(same, logits.argmax(1)[:, None], axis=1)
    return loss, {"found": jnp.mean(found), "scale": scale}


def _cross_entropy(logits: Float[Array, "b b"], targets: Float[Array, "b b"]) -> Float[Array, ""]:
    return -jnp.mean(jnp.sum(targets * jax.nn.log_softmax(logits), axis=1))
