"""The settings that several priors with networks have."""

from sdjax.config.fields import optional, text, whole
from sdjax.dtypes import DTYPE
from sdjax.networks.rematerialisation import REMAT

CHECKPOINT = {
    "weights": text().of("", "a folder in diffusers' layout, a hub id, or a .safetensors file"),
    "revision": optional(text()).of(None, "of the hub id"),
}
COMPUTATION = {
    "dtype": DTYPE.of("bfloat16", "in which the UNet computes"),
    "autoencoder_dtype": DTYPE.of("float32", "the same of the autoencoder"),
    "remat": REMAT.of("none", "what their gradients compute again, to save memory"),
}
IMAGE_SIZE = {
    "image_size": optional(whole(at_least=8)).of(
        None, "pixels that the autoencoder sees along an edge; None: those of the training"
    )
}
