"""A CLIP of a few thousand parameters, as `sdjax.train_prior` makes one."""

import jax.numpy as jnp

from sdjax.prior_training.clip_model import Clip, clip_table, towers, vision_part
from sdjax.prior_training.networks import text_table
from sdjax.prior_training.tokenizer_files import write_tokenizer
from sdjax.text.tokenizer import load_tokenizer
from tests.networks.components import random_params

SIZE = 16  # pixels of its pictures
WORDS = ("a", "red", "blue", "mug", "car", "view", "front", "back")


def clip(folder):
    """With random parameters, biases too; its tokenizer is written to `folder`."""
    text = text_table(8, 1, 2, write_tokenizer(folder, WORDS, 14), 14)
    table = clip_table(text, vision_part(12, 1, 2, 8, SIZE), 6)
    made = towers(table)
    params = {
        "text": random_params(made.text),
        "vision": random_params(made.vision),
        "logit_scale": jnp.float32(2.5),
    }
    return Clip(table, made, params, load_tokenizer(folder))
