"""The surface that CFD's official generator was recorded on."""

from tests import reference

CASES = reference.load("cfd_surface_noise")
SCENE = CASES.pop("scene")
POINTS = SCENE["rays_o"] + SCENE["rays_d"] * SCENE["z_mean"]
_, LAYERS, TEXELS, _, _ = SCENE["particles"].shape  # shells of distance, texels of a map's side
SIZE = next(iter(CASES.values()))["noise"].shape[-2:]  # of the latents
