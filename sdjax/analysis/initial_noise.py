"""What becomes of a result when its initial noise is flipped, or its patches are shuffled.

FSD's study of the noise as a prior (Yan et al., arXiv 2405.10988, appendix C.3, figure 14): a
rule that keeps one noise, and DDIM, draw something else from the same numbers in other places.

A rearrangement says for each latent pixel which pixel it takes, as an index into the flattened
picture: int32 [height, width].
"""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from sdjax.analysis.rules import of_one_particle
from sdjax.cameras import Camera
from sdjax.config.errors import UserError
from sdjax.diffusion.ddim import ddim_sample
from sdjax.priors.prior import Prior
from sdjax.rules.contract import Rule
from sdjax.runs.particle import (
    Recipe,
    first_particle,
    particle_noise,
)
from sdjax.runs.sampling import Sampling
from sdjax.runs.several_steps import Span
from sdjax.runs.step import train_particle

Rearrangement = Int[np.ndarray, "h w"] | Int[Array, "h w"]
Images = Float[np.ndarray, "seeds kinds h w 3"]


def unchanged(height: int, width: int) -> Int[np.ndarray, "h w"]:
    """Each pixel takes itself."""
    return np.arange(height * width, dtype=np.int32).reshape(height, width)


def flipped_left_right(height: int, width: int) -> Int[np.ndarray, "h w"]:
    """The mirror image."""
    return unchanged(height, width)[:, ::-1]


def flipped_upside_down(height: int, width: int) -> Int[np.ndarray, "h w"]:
    """The image on its head."""
    return unchanged(height, width)[::-1]


def shuffled(height: int, width: int, patches: int, seed: int) -> Int[np.ndarray, "h w"]:
    """`patches` x `patches` patches in another order, none in its old place.

    Raises `UserError` unless there are two patches a side at least, and they divide the image.
    """
    if patches < 2 or height % patches or width % patches:
        raise UserError(
            f"patches is {patches}, expected a divisor of the latents' {height} x {width} pixels, "
            "2 at least."
        )
    random, number = np.random.default_rng(seed), patches**2
    order = random.permutation(number)
    while (order == np.arange(number)).any():
        order = random.permutation(number)
    blocks = _blocks(unchanged(height, width), patches)[order]
    rows, columns = height // patches, width // patches
    grid = blocks.reshape(patches, patches, rows, columns)
    return np.moveaxis(grid, 1, 2).reshape(height, width)


def patch_sources(rearrangement: Rearrangement, patches: int) -> Int[np.ndarray, "patches patches"]:
    """For each place in a grid of patches the patch whose pixels it takes, numbered row by row."""
    height, width = rearrangement.shape
    middle = _blocks(np.asarray(rearrangement), patches)[:, 0, 0]
    row, column = middle // width, middle % width
    source = row * patches // height * patches + column * patches // width
    return source.reshape(patches, patches)


def rearranged(
    noise: Float[Array, "*lead h w c"], rearrangement: Rearrangement
) -> Float[Array, "*lead h w c"]:
    """The noise with its pixels moved; their values stay."""
    *lead, height, width, channels = noise.shape
    flat = noise.reshape(*lead, height * width, channels)
    return flat[..., rearrangement.reshape(-1), :].reshape(noise.shape)


def starting_rearranged(rule: Rule, rearrangement: Rearrangement) -> Rule:
    """The same rule from its noise rearranged.

    Raises `UserError` in `init` unless the rule's state is one noise of the latents' shape.
    """

    def init(key, shape):
        state = rule.init(key, shape)
        leaves = jax.tree.leaves(state)
        if [leaf.shape[-3:] for leaf in leaves] != [tuple(shape)]:
            raise UserError(
                "The rule does not keep one noise of the latents' shape for its run, expected one "
                "that does, such as FSD with fixed noise, DSD or DSD*."
            )
        return jax.tree.map(lambda noise: rearranged(noise, rearrangement), state)

    return rule._replace(init=init)


def rule_result(
    recipe: Recipe,
    camera: Camera,
    prior: Prior,
    conditioning: Any,
    seed: Int[Array, ""],
    rearrangement: Int[Array, "h w"],
) -> Float[Array, "height width 3"]:
    """What a run of an image or of latents ends with, from the noise of its seed rearranged.

    `camera` [1] does not matter to either; the result has colours in [0, 1].
    """

    def make_rule(prior):
        return starting_rearranged(of_one_particle(recipe.make_rule(prior)), rearrangement)

    moved = recipe.replace(make_rule=make_rule)
    noise = rearranged(
        particle_noise(seed, prior.latent_shape(recipe.noise_resolution)), rearrangement
    )
    particle = first_particle(moved, prior, conditioning, seed, noise=noise)
    first, last = jnp.int32(0), recipe.total_steps
    particle, _ = train_particle(moved, last, prior, conditioning, Span(first), seed, particle)
    size = recipe.resolution
    view = jax.tree.map(lambda leaf: leaf[0], camera)
    shown = recipe.scene.render(particle.params, view, None, size, size).colour
    if recipe.scene.in_latent_space:
        return prior.decode(jnp.expand_dims(shown, 0))[0]
    return jnp.clip(shown, 0.0, 1.0)


def ddim_result(
    sampling: Sampling,
    camera: Camera,
    resolution: int,
    prior: Prior,
    conditioning: Any,
    seed: Int[Array, ""],
    rearrangement: Int[Array, "h w"],
) -> Float[Array, "height width 3"]:
    """The image that DDIM draws from the same; `camera` [1], `eta` of the sampling is 0."""
    noise = rearranged(particle_noise(seed, prior.latent_shape(resolution)), rearrangement)
    predictor = prior.predictor(conditioning, camera)
    predictor, (start,), expand = predictor.subspace(jnp.expand_dims(noise, 0))
    predict = lambda x, t: predictor(x, t, sampling.guidance_scale)  # noqa: E731
    steps, spacing = sampling.steps, sampling.spacing
    end = ddim_sample(predict, prior.schedule, start, steps, spacing=spacing)
    return prior.decode(expand(end))[0]


def differences(images: Images, kinds: Sequence[str]) -> dict[str, float]:
    """Root mean square differences of images, averaged over seeds (colours in [0, 1]).

    Of each kind of noise but the first, "unchanged", to the unchanged; of "flipped left-right"
    also to its mirror image; and of the unchanged of one seed to that of the next.
    """
    original = images[:, 0]
    result = {"another seed": _rms(original, np.roll(original, 1, axis=0))}
    result |= {kind: _rms(original, images[:, i]) for i, kind in enumerate(kinds) if i}
    flipped = images[:, list(kinds).index("flipped left-right")]
    return result | {"flipped left-right, to the mirror image": _rms(original[:, :, ::-1], flipped)}


def _rms(images: np.ndarray, others: np.ndarray) -> float:
    each = np.sqrt(np.mean((images - others) ** 2, axis=(1, 2, 3)))
    return round(float(each.mean()), 4)


def _blocks(image: np.ndarray, patches: int) -> np.ndarray:
    """[patches^2, rows, columns], row by row."""
    height, width = image.shape
    blocks = image.reshape(patches, height // patches, patches, width // patches)
    return np.moveaxis(blocks, 2, 1).reshape(patches**2, height // patches, width // patches)
