"""Low-rank adapters on the attention projections of a network (LoRA, Hu et al., arXiv 2106.09685).

A projection y = x W + b becomes y = x W + b + k x D U with D [in, rank] and U [rank, out].  The
adapters are a tree of their own, shaped like the network's parameters and holding "down" and
"up" in the place of a projection's "kernel" and "bias", so that the network stays as it is.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from flax import traverse_util

from sdjax.config.errors import UserError

Tree = dict[str, Any]

PROJECTIONS = ("to_q", "to_k", "to_v", "to_out_0")  # the names of `networks.attention.Attention`


def init_adapters(key: jax.Array, params: Tree, rank: int = 4) -> Tree:
    """Adapters for all attention projections of `params` (arrays, or their shapes), in float32.

    D is normal with standard deviation 1 / rank and U is 0, as diffusers' LoRALinearLayer has
    it, so that they change nothing at first.  ValueError if `params` has no such projection or
    the rank exceeds the width of one.
    """
    kernels = _projections(params)
    if not kernels:
        raise UserError(
            f"The parameters hold no attention projection, expected dense layers named "
            f"{', '.join(PROJECTIONS)}."
        )
    narrowest = min(min(kernel.shape) for kernel in kernels.values())
    if not 1 <= rank <= narrowest:
        raise UserError(
            f"rank is {rank}, expected 1 to {narrowest}, the width of the narrowest projection."
        )
    adapters = {}
    for i, (path, kernel) in enumerate(kernels.items()):
        inside, outside = kernel.shape
        down = jax.random.normal(jax.random.fold_in(key, i), (inside, rank)) / rank
        adapters[*path, "down"] = down
        adapters[*path, "up"] = jnp.zeros((rank, outside))
    return traverse_util.unflatten_dict(adapters)


def merged(params: Tree, adapters: Tree, scale: float | jax.Array = 1.0) -> Tree:
    """`params` with every adapted kernel W replaced by W + scale D U, for export.

    The sum is rounded to the dtype of W: in bfloat16 small adapters are lost, so that training
    goes through `adapted_apply`.
    """
    flat, added = dict(traverse_util.flatten_dict(params)), traverse_util.flatten_dict(adapters)
    for path in {path[:-1] for path in added}:
        kernel, product = flat[*path, "kernel"], added[*path, "down"] @ added[*path, "up"]
        flat[*path, "kernel"] = (kernel + scale * product).astype(kernel.dtype)
    return traverse_util.unflatten_dict(flat)


def adapted_apply(
    model: nn.Module,
    params: Tree,
    adapters: Tree,
    *inputs: Any,
    scale: float | jax.Array = 1.0,
    **options: Any,
) -> Any:
    """`model.apply({"params": params}, *inputs, **options)` with the adapters at work.

    Each adapted projection adds scale ((x D) U), computed in the projection's dtype: gradients
    with respect to the adapters never form a full kernel.  Scale 0 is the network itself.
    """
    with nn.intercept_methods(_adding(adapters, scale)):
        return model.apply({"params": params}, *inputs, **options)


def _adding(adapters: Tree, scale: float | jax.Array) -> Callable:
    def interceptor(layer, inputs, options, context):
        output = layer(*inputs, **options)
        if not isinstance(context.module, nn.Dense) or context.method_name != "__call__":
            return output
        adapter = _at(adapters, context.module.path)
        if adapter is None:
            return output
        down, up = (adapter[name].astype(output.dtype) for name in ("down", "up"))
        change = (inputs[0].astype(output.dtype) @ down) @ up
        return output + jnp.asarray(scale, output.dtype) * change

    return interceptor


def _at(tree: Tree, path: tuple[str, ...]) -> Tree | None:
    for name in path:
        if name not in tree:
            return None
        tree = tree[name]
    return tree


def _projections(params: Tree) -> dict[tuple[str, ...], Any]:
    """The kernels of the attention projections by the path of their layer, in a fixed order."""
    flat = traverse_util.flatten_dict(params)
    found = {
        path[:-1]: leaf
        for path, leaf in flat.items()
        if path[-1] == "kernel" and len(path) > 1 and path[-2] in PROJECTIONS
    }
    return dict(sorted(found.items()))
