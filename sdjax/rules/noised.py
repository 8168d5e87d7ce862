"""What most rules have in common: they look at the latents with some noise, at some timestep."""

from typing import NamedTuple, Protocol, runtime_checkable

import jax
from jaxtyping import Array, Int

from sdjax.diffusion.annealing import Annealing
from sdjax.diffusion.guided import Predictor
from sdjax.diffusion.ramps import Progress
from sdjax.rules.contract import Aux, ImageTarget, Latents, Rule, Update, View, check_latents
from sdjax.rules.noise import NoiseFunction


class Look(NamedTuple):
    """What a rule makes of noised latents."""

    gradient: Latents
    noisy: Latents  # x_t
    predicted_x0: Latents  # the estimate at x_t, for logs
    image_target: ImageTarget | None = None


@runtime_checkable
class LookFn(Protocol):
    """The signature of `noised_rule`'s `look`; `key` is for what else the rule draws."""

    def __call__(  # noqa: D102
        self,
        key: jax.Array,
        predictor: Predictor,
        latents: Latents,
        t: Int[Array, ""],
        noise: Latents,
        *,
        progress: Progress,
        view: View,
    ) -> Look: ...


def noised_rule(annealing: Annealing, noise: NoiseFunction, look: LookFn) -> Rule:
    """The rule whose update is `look` at a timestep of `annealing`, with noise of `noise`.

    The state is the noise function's.
    """

    def update(key, latents, state, predictor, *, progress, view):
        check_latents(latents, view)
        t_key, noise_key, own_key = jax.random.split(key, 3)
        t = annealing(t_key, progress)
        drawn, state = noise.draw(noise_key, state, view, latents.shape, progress)
        seen = look(own_key, predictor, latents, t, drawn, progress=progress, view=view)
        return Update(
            seen.gradient, state, Aux(t, seen.noisy, seen.predicted_x0), seen.image_target
        )

    return Rule(noise.init, update)
