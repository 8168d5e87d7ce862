"""Fields of density and colour; `FIELDS` is the only list of them."""

from sdjax.config.kinds import kinds
from sdjax.scene.fields import dense_grid, hash_grid, mlp

FIELDS = kinds(dense_grid.FIELD, hash_grid.FIELD, mlp.FIELD)
