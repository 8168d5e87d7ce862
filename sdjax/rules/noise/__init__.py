"""Where the noise of a rule comes from: one file a kind, `function` holds what they share.

`NOISES` is the only list of them; their `make` takes the `radius` of the scene besides.
"""

from sdjax.config.kinds import kinds
from sdjax.config.tables import Choice
from sdjax.rules.noise import plain_noise, surface_noise, world_map_noise
from sdjax.rules.noise.function import NoiseFunction as NoiseFunction
from sdjax.rules.noise.function import blend as blend
from sdjax.rules.noise.function import foreground_mask as foreground_mask
from sdjax.rules.noise.function import keep as keep
from sdjax.rules.noise.function import reduce_noise as reduce_noise
from sdjax.rules.noise.function import refresh as refresh
from sdjax.rules.noise.function import refreshing as refreshing
from sdjax.rules.noise.plain_noise import fixed as fixed
from sdjax.rules.noise.plain_noise import gaussian as gaussian
from sdjax.rules.noise.plain_noise import offset as offset
from sdjax.rules.noise.plain_noise import offset_gaussian as offset_gaussian
from sdjax.rules.noise.surface_noise import surface as surface
from sdjax.rules.noise.world_map_noise import WorldMap as WorldMap
from sdjax.rules.noise.world_map_noise import periodic as periodic
from sdjax.rules.noise.world_map_noise import window_size as window_size
from sdjax.rules.noise.world_map_noise import world_map as world_map
from sdjax.rules.noise.world_map_noise import world_map_shape as world_map_shape
from sdjax.rules.noise.world_map_noise import world_map_window as world_map_window

NOISES = kinds(
    plain_noise.NONE,
    plain_noise.GAUSSIAN,
    plain_noise.OFFSET,
    plain_noise.FIXED,
    world_map_noise.WORLD_MAP,
    surface_noise.SURFACE,
)
NOISE = Choice(NOISES, "gaussian", "where the rule's noise comes from")
