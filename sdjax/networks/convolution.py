"""The convolution of all networks: XLA's own, and on CPUs, in float32, forms that use all cores.

On CPUs XLA (as of JAX 0.10) gives a convolution to a kernel that mostly runs on one core, unless
its output is larger than its input: those go to one that uses all cores.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.ad_checkpoint import checkpoint_name
from jaxtyping import Array, Float

from sdjax.networks.rematerialisation import PRODUCT

LAYOUT = ("NHWC", "HWIO", "NHWC")
Image = Float[Array, "b h w _"]
Kernel = Float[Array, "size size _ _"]


def convolve(
    x: Float[Array, "b _ _ _"],
    kernel: Kernel,
    strides: Sequence[int],
    padding: Sequence[tuple[int, int]],
    **settings: Any,
) -> Float[Array, "b _ _ _"]:
    """`lax.conv_general_dilated` of [b, h, w, c] with [size, size, c, o], as `nn.Conv` calls it.

    In float32, with stride 1 and an odd size that is padded by half of it on all sides, it is on
    CPUs another program with the same result up to rounding, and has a gradient of its own:
    forward-mode differentiation (`jax.jvp`) of it raises a TypeError.  `settings` are the others
    of `nn.Conv`; a precision, dilations or groups lead to XLA's own.
    """
    half = kernel.shape[0] // 2
    keeps_size = all(tuple(sides) == (half, half) for sides in padding) and kernel.shape[0] % 2
    in_float32 = x.dtype == kernel.dtype == jnp.float32
    if keeps_size and set(strides) == {1} and in_float32 and _are_plain(**settings):
        return checkpoint_name(_same_size(x, kernel), PRODUCT)
    return lax.conv_general_dilated(x, kernel, strides, padding, **settings)


def _are_plain(
    *,
    dimension_numbers: Any = None,
    lhs_dilation: Sequence[int] = (1,),
    rhs_dilation: Sequence[int] = (1,),
    feature_group_count: int = 1,
    precision: Any = None,
    **others: Any,
) -> bool:
    """Whether the settings of a convolution are those that it has without them."""
    undilated = {*(lhs_dilation or (1,)), *(rhs_dilation or (1,))} == {1}
    return undilated and feature_group_count == 1 and precision is None and not others


@jax.custom_vjp
def _same_size(x: Image, kernel: Kernel) -> Image:
    return lax.platform_dependent(x, kernel, cpu=_wide, default=_plain)


def _same_size_forward(x, kernel):
    return _same_size(x, kernel), (x, kernel)


def _same_size_backward(inputs, gradient):
    return lax.platform_dependent(*inputs, gradient, cpu=_gradients, default=_plain_gradients)


_same_size.defvjp(_same_size_forward, _same_size_backward)


def _plain(x: Image, kernel: Kernel) -> Image:
    half = kernel.shape[0] // 2
    return lax.conv_general_dilated(x, kernel, (1, 1), [(half, half)] * 2, dimension_numbers=LAYOUT)


def _plain_gradients(x: Image, kernel: Kernel, gradient: Image) -> tuple[Image, Kernel]:
    (of_input,) = jax.linear_transpose(lambda x: _plain(x, kernel), x)(gradient)
    return of_input, _transposed(x, kernel, gradient)


def _wide(x: Image, kernel: Kernel) -> Image:
    """With a column too many, which is what makes the output larger; a size of 1 is a product."""
    half = kernel.shape[0] // 2
    if half == 0:
        return x @ kernel[0, 0]
    padding = [(half, half), (half, half + 1)]
    return lax.conv_general_dilated(x, kernel, (1, 1), padding, dimension_numbers=LAYOUT)[:, :, :-1]


def _gradients(x: Image, kernel: Kernel, gradient: Image) -> tuple[Image, Kernel]:
    """That of the input is the convolution with the kernel turned about its centre."""
    turned = kernel[::-1, ::-1].swapaxes(2, 3)
    return _wide(gradient, turned), _kernel_gradient(x, kernel, gradient)


def _kernel_gradient(x: Image, kernel: Kernel, gradient: Image) -> Kernel:
    """Of two halves of the batch, every other image each: two programs, for two cores."""
    if kernel.shape[0] == 1:
        return jnp.einsum("bhwi,bhwo->io", x, gradient)[None, None]
    if len(x) % 2:
        return _transposed(x, kernel, gradient)
    images, gradients = (y.reshape(-1, 2, *y.shape[1:]) for y in (x, gradient))
    even = _transposed(images[:, 0], kernel, gradients[:, 0])
    odd = _transposed(images[:, 1], kernel, gradients[:, 1])
    return even + odd


def _transposed(x: Image, kernel: Kernel, gradient: Image) -> Kernel:
    return jax.linear_transpose(partial(_plain, x), kernel)(gradient)[0]
