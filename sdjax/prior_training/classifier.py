"""A small network that tells what a picture shows: noun, colour and side."""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from jaxtyping import Array, Float, Int, UInt8

from sdjax.cameras import DIRECTIONS, OCTANTS
from sdjax.networks.layers import Layers
from sdjax.objects.prompts import CATEGORIES
from sdjax.objects.variants import COLOURS
from sdjax.prior_training.captions import OVERHEAD, Words
from sdjax.prior_training.float_pictures import float_pictures

QUESTIONS = {
    "object": tuple(CATEGORIES),
    "colour": tuple(COLOURS),
    "view": DIRECTIONS,
    "direction": OCTANTS,
}
NO_ANSWER = -1  # to "direction", of a view from overhead
Answers = dict[str, Int[np.ndarray, "pictures"]]  # an index into the names of each question
Probabilities = dict[str, Float[np.ndarray, "pictures names"]]
Shown = Float[np.ndarray, "n h w 3"] | UInt8[np.ndarray, "n h w 3"]
_AT_ONCE = 256  # pictures


class Classifier(nn.Module):
    """Squares of 4 x 4 pixels, then twice of 2 x 2 places, become one vector each, with one and two
    residual 3 x 3 convolutions in between; a hidden layer, and logits for each question.

    Steps that do not overlap are products of matrices, which CPUs do on all cores.
    """

    channels: tuple[int, int, int] = (64, 96, 128)
    hidden: int = 240
    resolution: int = 64  # a multiple of 16

    @nn.compact
    def __call__(self, pictures: Float[Array, "b h w 3"]) -> dict[str, Float[Array, "b _"]]:
        """Of pictures in [0, 1], white where there is nothing."""
        first, middle, last = self.channels
        x = jax.nn.silu(nn.Dense(first, name="patches")(_squares(2.0 * (1.0 - pictures), 4)))
        x = x + jax.nn.silu(Layers().conv(first, name="detail")(x))
        x = jax.nn.silu(nn.Dense(middle, name="down_0")(_squares(x, 2)))
        for index in range(2):
            x = x + jax.nn.silu(Layers().conv(middle, name=f"conv_{index}")(x))
        x = jax.nn.silu(nn.Dense(last, name="down_1")(_squares(x, 2)))
        x = jax.nn.silu(nn.Dense(self.hidden, name="hidden")(x.reshape(len(x), -1)))
        return {name: nn.Dense(len(names), name=name)(x) for name, names in QUESTIONS.items()}

    def example_inputs(self) -> tuple[jax.ShapeDtypeStruct]:
        """The shape of one picture."""
        return (jax.ShapeDtypeStruct((1, self.resolution, self.resolution, 3), jnp.float32),)


class Judge(NamedTuple):
    """A classifier with its parameters."""

    params: dict
    network: Classifier = Classifier()

    def answers(self, pictures: Shown) -> Answers:
        """The likeliest answer to each question for each picture; that for "direction" counts where
        the answer for "view" is not "overhead"."""
        return {name: given.argmax(-1) for name, given in self.probabilities(pictures).items()}

    def probabilities(self, pictures: Shown) -> Probabilities:
        """The softmax over the answers to each question, for each picture.

        Pictures (on white, uint8 or in [0, 1]) of another size are resized to the network's.
        """
        starts = range(0, len(pictures), _AT_ONCE)
        parts = [
            _probabilities(self.network, self.params, pictures[i : i + _AT_ONCE]) for i in starts
        ]
        return {name: np.concatenate([part[name] for part in parts]) for name in QUESTIONS}


def labels(words: Sequence[Words]) -> Answers:
    """The right answers; `NO_ANSWER` where there is none."""
    columns = {
        "object": [one.noun for one in words],
        "colour": [one.colour for one in words],
        "view": [one.direction for one in words],
        "direction": [None if one.direction == OVERHEAD else one.octant for one in words],
    }
    return {
        name: np.array(
            [NO_ANSWER if said is None else QUESTIONS[name].index(said) for said in column]
        )
        for name, column in columns.items()
    }


@partial(jax.jit, static_argnums=0)
def _probabilities(network, params, pictures):
    logits = network.apply({"params": params}, float_pictures(pictures, network.resolution))
    return jax.tree.map(jax.nn.softmax, logits)


def _squares(x: Float[Array, "b h w c"], side: int) -> Float[Array, "b h//{side} w//{side} _"]:
    """The values of each square as one vector."""
    number, height, width, channels = x.shape
    rows, columns = height // side, width // side
    split = x.reshape(number, rows, side, columns, side, channels)
    return split.transpose(0, 1, 3, 2, 4, 5).reshape(number, rows, columns, -1)
