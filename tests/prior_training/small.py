"""Networks of a few thousand parameters, as `sdjax.train_prior` makes them."""

import jax
import jax.numpy as jnp
import numpy as np

from sdjax.diffusion.scheduler_config import read_scheduler
from sdjax.prior_training.model import Model
from sdjax.prior_training.networks import (
    Tables,
    autoencoder_table,
    networks,
    scheduler_table,
    text_table,
    unet_table,
)
from sdjax.prior_training.tokenizer_files import write_tokenizer
from sdjax.text.tokenizer import load_tokenizer
from tests.networks.components import random_params

SIZE = 8  # of pictures; latents are half as wide
WORDS = ("a", "red", "mug", "view", "front", "side", "back", "overhead")
LENGTH = 14


def tables(vocabulary, prediction="v_prediction"):
    """Two levels of the autoencoder, one of the UNet, one layer of text."""
    return Tables(
        autoencoder=autoencoder_table((4, 8), 1, 3, 2, SIZE),
        text=text_table(8, 1, 2, vocabulary, LENGTH),
        unet=unet_table((8,), 1, (2,), 4, (True,), (SIZE // 2, 3), 8),
        scheduler=scheduler_table(prediction),
    )


def model(folder, prediction="v_prediction"):
    """With random parameters, biases too; its tokenizer is written to `folder`."""
    told = tables(write_tokenizer(folder, WORDS, LENGTH), prediction)
    made = networks(told)
    names = {"vae": made.autoencoder, "text_encoder": made.text, "unet": made.unet}
    params = {name: random_params(network) for name, network in names.items()}
    return Model(told, made, params, load_tokenizer(folder), read_scheduler(told.scheduler))


def pictures(number, seed=0):
    """Smooth random ones."""
    random = np.random.default_rng(seed)
    corners = random.uniform(0, 255, (number, 2, 2, 3))
    return jnp.uint8(jax.image.resize(corners, (number, SIZE, SIZE, 3), "linear"))
