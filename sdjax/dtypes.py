"""In which precision something computes or is kept."""

import jax.numpy as jnp

from sdjax.config.fields import listed

DTYPES = {"float32": jnp.float32, "bfloat16": jnp.bfloat16, "float16": jnp.float16}
DTYPE = listed(DTYPES)
