"""The embeddings of a prompt, and which of them each camera gets."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from sdjax.cameras import Camera
from sdjax.diffusion.guided import Branches
from sdjax.text.directions import view_direction
from sdjax.text.perp_neg import mixing
from sdjax.text.views import Prompting, direction_prompts

Embedding = Float[Array, "views tokens features"]


class Conditioning(NamedTuple):
    """The embeddings of one prompt; every direction has the same negative prompt."""

    directions: Float[Array, "4 tokens features"]  # side, front, back, overhead
    unconditional: Float[Array, "tokens features"]  # of the negative prompt


def condition(
    prompt: str,
    prompting: Prompting,
    embed: Callable[[Sequence[str]], Float[Array, "prompts tokens features"]],
) -> Conditioning:
    """Embed what `prompt` becomes for each direction, and the negative prompt, in one call."""
    texts = [*direction_prompts(prompt, prompting), prompting.negative_prompt]
    embeddings = jnp.asarray(embed(texts))
    return Conditioning(embeddings[:-1], embeddings[-1])


def branches(embeddings: Conditioning, camera: Camera, prompting: Prompting) -> Branches:
    """The embeddings of cameras [views]: the one of each camera's direction, or with Perp-Neg its
    mixture, two negatives and their weights (`mixing`)."""
    everything = jnp.concatenate([embeddings.directions, embeddings.unconditional[None]])
    shape = (*camera.azimuth.shape, *embeddings.unconditional.shape)
    unconditional = jnp.broadcast_to(embeddings.unconditional[None], shape)
    if prompting.perp_neg is None:
        direction = view_direction(camera, **prompting.thresholds._asdict())
        return Branches(embeddings.directions[direction], unconditional)
    mix = mixing(camera, prompting.perp_neg, overhead=prompting.thresholds.overhead)
    return Branches(
        _combine(mix.positive, everything),
        unconditional,
        tuple(_combine(coefficients, everything) for coefficients in mix.negatives),
        mix.weights,
    )


def _combine(
    coefficients: Float[Array, "views 5"], embeddings: Float[Array, "5 tokens features"]
) -> Embedding:
    """sum_k coefficients[:, k] embeddings[k], in float32 on every device."""
    mixed = jnp.einsum(
        "vk,ktf->vtf",
        coefficients,
        embeddings.astype(jnp.float32),
        precision=jax.lax.Precision.HIGHEST,
    )
    return mixed.astype(embeddings.dtype)
