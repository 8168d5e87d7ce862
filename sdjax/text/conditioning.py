"""The embeddings of a prompt, and which of them each camera gets."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from sdjax.cameras import Camera, octant, view_direction
from sdjax.diffusion.guided import Branches
from sdjax.text.octants import blending
from sdjax.text.perp_neg import mixing
from sdjax.text.views import Prompting, direction_prompts

Embedding = Float[Array, "views tokens features"]


class Conditioning(NamedTuple):
    """The embeddings of one prompt; every direction has the same negative prompt."""

    directions: Float[Array, "directions tokens features"]  # in the order of their prompts
    unconditional: Float[Array, "tokens features"]  # of the negative prompt
    null: Float[Array, "tokens features"]  # of the empty prompt
    plain: Float[Array, "tokens features"]  # of the prompt without words for a direction


def condition(
    prompt: str,
    prompting: Prompting,
    embed: Callable[[Sequence[str]], Float[Array, "prompts tokens features"]],
) -> Conditioning:
    """Embed what `prompt` becomes for each direction, and the other prompts, in one call."""
    directions = direction_prompts(prompt, prompting)
    embeddings = jnp.asarray(embed([*directions, prompting.negative_prompt, "", prompt]))
    return Conditioning(embeddings[: len(directions)], *embeddings[len(directions) :])


def branches(embeddings: Conditioning, camera: Camera, prompting: Prompting) -> Branches:
    """The embeddings of cameras [views]: the one of each camera's direction, or a blend of two
    (`blending`), or with Perp-Neg its mixture, two negatives and their weights (`mixing`)."""
    everything = jnp.concatenate([embeddings.directions, embeddings.unconditional[None]])
    unconditional = for_each_view(embeddings.unconditional, camera)
    null = for_each_view(embeddings.null, camera) if prompting.negative_prompt else None
    if prompting.perp_neg is None:
        positive = _of_directions(embeddings.directions, camera, prompting)
        return Branches(positive, unconditional, null=null)
    overhead = prompting.thresholds.overhead
    mix = mixing(camera, prompting.perp_neg, overhead=overhead, two_sides=prompting.two_sides)
    return Branches(
        _combine(mix.positive, everything),
        unconditional,
        tuple(_combine(coefficients, everything) for coefficients in mix.negatives),
        mix.weights,
        null,
    )


def _of_directions(
    embeddings: Float[Array, "directions tokens features"], camera: Camera, prompting: Prompting
) -> Embedding:
    if prompting.blends:
        return _combine(blending(camera, overhead=prompting.thresholds.overhead), embeddings)
    return embeddings[_direction(camera, prompting)]


def _direction(camera: Camera, prompting: Prompting) -> Int[Array, "views"]:
    """The index of each camera's prompt among `direction_prompts`."""
    if prompting.names_octants:
        return octant(camera, overhead=prompting.thresholds.overhead)
    thresholds = prompting.thresholds._asdict()
    return view_direction(camera, **thresholds, two_sides=prompting.two_sides)


def for_each_view(embedding: Float[Array, "tokens features"], camera: Camera) -> Embedding:
    """The same for all cameras [views]."""
    shape = (*camera.azimuth.shape, *embedding.shape)
    return jnp.broadcast_to(embedding[None], shape)


def _combine(
    coefficients: Float[Array, "views texts"], embeddings: Float[Array, "texts tokens features"]
) -> Embedding:
    """sum_k coefficients[:, k] embeddings[k], in float32 on every device."""
    mixed = jnp.einsum(
        "vk,ktf->vtf",
        coefficients,
        embeddings.astype(jnp.float32),
        precision=jax.lax.Precision.HIGHEST,
    )
    return mixed.astype(embeddings.dtype)
