"""What a particle is: an image, latents, or a radiance field; `SCENES` is the only list.

A scene has `init(key) -> params`, `render(params, camera, key, height, width, progress=...) ->
Rendering`, `moved(params)`, and the properties `is_flat` and `in_latent_space`.
"""

from sdjax.config.kinds import kinds
from sdjax.scene import image, latents, nerf

SCENES = kinds(image.SCENE, latents.SCENE, *nerf.SCENES)
