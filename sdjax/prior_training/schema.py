"""The table of a configuration of `sdjax.train_prior`, put together from the files that use it."""

from typing import NamedTuple

from sdjax.config.fields import one_of, text, whole
from sdjax.config.kinds import Choice, Fields, kinds
from sdjax.prior_training import autoencoder_stage, diffusion_stage
from sdjax.prior_training.captions import ODDS
from sdjax.prior_training.fitting import RUN
from sdjax.prior_training.model import CHECKPOINT
from sdjax.prior_training.networks import AUTOENCODER, PREDICTION, TEXT, UNET
from sdjax.prior_training.samples import REPORT
from sdjax.prior_training.sources import OBJECTS


class Alternative(NamedTuple):
    """One of the tables that may stand in a place; `build` makes what it says."""

    name: str
    fields: Fields


PICTURES = whole(at_least=0).of(32_768, "rendered before training; 0: new ones for every batch")
OF_FOLDER = {
    "path": text().says("the folder of pictures and captions"),
    "empty": ODDS["empty"],
}
OF_NEW = {"autoencoder": AUTOENCODER, "text": TEXT, "unet": UNET, "prediction": PREDICTION}
DATA = kinds(
    Alternative("objects", {**OBJECTS, "pictures": PICTURES, "says": ODDS}),
    Alternative("folder", OF_FOLDER),
)
MODELS = kinds(Alternative("new", OF_NEW), Alternative("checkpoint", CHECKPOINT))
SCHEMA = {
    "seed": whole(at_least=0).of(0, "of everything that is drawn at random"),
    "resolution": whole(at_least=8).of(64, "pixels of a picture along an edge"),
    "data": Choice(DATA, "objects", "what is learned"),
    "model": Choice(MODELS, "new", "where training begins"),
    "autoencoder": autoencoder_stage.FIELDS,
    "diffusion": diffusion_stage.FIELDS,
    "save_dtype": one_of("float16", "float32").of("float16", "of the weights in files"),
    "run": RUN,
    "report": REPORT,
}
