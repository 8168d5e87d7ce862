"""The settings that all priors with networks have."""

from sdjax.config.fields import flag, optional, whole
from sdjax.dtypes import DTYPE

COMPUTATION = {
    "dtype": DTYPE.of("bfloat16", "in which the UNet computes"),
    "autoencoder_dtype": DTYPE.of("float32", "the same of the autoencoder"),
    "remat": flag().of(False, "recompute activations in the backward pass, to save memory"),
}
IMAGE_SIZE = {
    "image_size": optional(whole(at_least=8)).of(
        None, "pixels that the autoencoder sees along an edge; None: those of the training"
    )
}
