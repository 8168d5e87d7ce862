"""The weights of everything that a particle is led by: the table `losses` of a configuration."""

from sdjax.config.fields import number
from sdjax.diffusion.ramps import ramped
from sdjax.scene.reference_losses import REFERENCE_LOSSES
from sdjax.scene.regularisers import REGULARISERS

LOSSES = {
    "guidance": ramped(number(at_least=0)).of(1.0, "weight of the rule's gradient"),
    **{
        name: entry.fields[name]
        for listed in (REGULARISERS, REFERENCE_LOSSES)
        for name, entry in listed.items()
    },
}
