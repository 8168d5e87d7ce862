"""What the prior of a run draws by itself, from the cameras that its particles are judged by."""

import zipfile
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jaxtyping import UInt8

from sdjax.cameras import Camera
from sdjax.files.whole_files import whole_file
from sdjax.runs.build import make_prior
from sdjax.runs.evaluate import held_out_cameras
from sdjax.runs.sampling import DDIM, Sampling, sample_seeds
from sdjax.runs.stages import highest_resolution

FIELDS = {
    "guidance_scale": DDIM["guidance_scale"].of(3.0),
    "steps": DDIM["steps"].of(25),
    "spacing": DDIM["spacing"].of(Sampling().spacing),
}
Samples = tuple[UInt8[np.ndarray, "seeds views h w 3"], Camera]


def samples_of(run: Any, table: Any, file: Path) -> Samples:
    """DDIM samples for the seeds of a training configuration, each view drawn for itself (or with
    those that the prior draws together), and their cameras; drawn once and kept in `file`."""
    kept = _read(file)
    if kept is None:
        kept = _draw(run, Sampling(**table))
        _write(file, *kept)
    return kept


def sampling_cameras(cameras: Camera, together: int) -> Camera:
    """Cameras around the object at even azimuths, in an order in which each `together` of them are
    a rig: evenly around it, and as high as the first."""
    number = len(cameras.azimuth) // together
    order = np.arange(number * together).reshape(together, number).T
    first = np.repeat(order[:, 0], together)
    others = jax.tree.map(lambda leaf: np.asarray(leaf)[first], cameras)
    return others._replace(azimuth=np.asarray(cameras.azimuth)[order.ravel()])


def _draw(run: Any, sampling: Sampling) -> Samples:
    prior = make_prior(run, unconditional=sampling.guidance_scale != 1.0)
    held_out = held_out_cameras(run.camera, run.report.views)
    cameras = prior.snap(sampling_cameras(held_out, prior.views_together))
    seeds = jax.device_put(np.int32(run.first_seed + np.arange(run.seeds)))
    conditioning, size = prior.condition(run.prompt), highest_resolution(run)
    images = sample_seeds(prior, conditioning, cameras, seeds, size, sampling)
    pictures = np.round(255.0 * np.clip(images, 0.0, 1.0)).astype(np.uint8)
    return pictures, Camera(*map(np.asarray, cameras[:4]))


def _write(file: Path, pictures: np.ndarray, cameras: Camera) -> None:
    with whole_file(file) as part:
        np.savez_compressed(part, pictures=pictures, cameras=np.stack(cameras[:4]))


def _read(file: Path) -> Samples | None:
    """None where there are none that can be read; they are drawn again."""
    try:
        with open(file, "rb") as opened, np.load(opened) as arrays:
            return arrays["pictures"], Camera(*arrays["cameras"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
