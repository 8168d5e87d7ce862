"""The parameters that a network is to have, compared with the tensors that there are."""

from collections.abc import Mapping
from typing import Any

from flax import linen as nn

from sdjax.networks.extent import check_extent
from sdjax.networks.parameters import parameter_shapes
from sdjax.weights.load import Params, check_shapes


def checked_template(
    network: nn.Module, shapes: Mapping[str, tuple[int, ...]], source: str
) -> Params:
    """The shapes of the parameters of a `network` of this package, whose `config` has an `extent`.

    UserError, before anything of that size is built, if `shapes` are not those of the tensors of
    such a network; `source` is where they are from.
    """
    config: Any = network.config
    check_extent(config.extent, shapes, source)
    template = parameter_shapes(network)
    check_shapes(template, shapes, source)
    return template
