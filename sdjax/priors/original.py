"""An original checkpoint in one file: its networks, and the process that it was trained on."""

from pathlib import Path

from sdjax.diffusion.scheduler_config import Scheduler, read_scheduler
from sdjax.priors.architecture import architecture
from sdjax.priors.parts import Part, of_file
from sdjax.priors.small_files import Diffusion
from sdjax.weights.single_file import SingleFile

# Of Stable Diffusion and all that was fine-tuned from it: the files have no word for it.
_SCHEDULER = {
    "_class_name": "DDIMScheduler",
    "num_train_timesteps": 1000,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "prediction_type": "epsilon",
    "timestep_spacing": "leading",
    "set_alpha_to_one": False,
    "steps_offset": 1,
    "clip_sample": False,
}


def is_original(source: str | Path) -> bool:
    """Whether that is one file, whatever it holds."""
    return Path(source).expanduser().is_file()


def read_original(file: SingleFile, role: str) -> tuple[Diffusion, Part, Part]:
    """What the small files of a folder say, the UNet and the autoencoder.

    UserError for a file that is damaged, a pickle, or not one of the prior whose name is `role`.
    """
    networks = architecture(file.fields("unet"), file.fields("vae"), role)
    scheduler: Scheduler = read_scheduler(_SCHEDULER)
    unet = of_file(file, "unet", networks.unet)
    vae = of_file(file, "vae", networks.autoencoder)
    return Diffusion(networks, scheduler), unet, vae
