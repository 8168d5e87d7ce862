"""What a rule is to a configuration: its name, its fields, and what else a run has to know of it.

    RULE = RuleKind("sds", "SDS", plainly(sds), fields_of(sds, guidance_scale=GUIDANCE_SCALE, ...))

stands at the end of a rule's file; `sdjax.rules.RULES` is the list of all.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from sdjax.cameras import Camera
from sdjax.config.fields import fraction, number
from sdjax.config.kinds import Fields, Table
from sdjax.diffusion.annealing import Annealing
from sdjax.diffusion.ramps import Ramp, ramped
from sdjax.rules.contract import Rule
from sdjax.rules.noise.function import NoiseFunction
from sdjax.rules.shared import SharedRule

GUIDANCE_SCALE = ramped(number()).says("s of uncond + s (cond - uncond), classifier-free guidance")
IMAGE_WEIGHT = ramped(number(at_least=0)).says("of the residual of the decoded image; 0: none")
RECON_STD_RESCALE = fraction().says(
    "of the guided estimate's deviation to that without guidance, over the views of a scene"
)


class Parts(NamedTuple):
    """What a run gives to the maker of a rule, besides the rule's own fields."""

    prior: Any  # `sdjax.priors.prior.Prior`
    annealing: Annealing
    noise: NoiseFunction | None  # None for a rule that draws none
    resolution: int  # pixels of a rendering of this stage
    t_min: float | Ramp | None  # of the annealing, a fraction; None where it has no such bound
    camera: Camera  # [1], which sees particles that are pictures
    elevation: tuple[float, float]  # of the cameras of a run, degrees
    steps: int  # of the run


def nothing_to_check(config: Any) -> None:
    """Of a rule whose fields go with every configuration."""


def of_objects_too(table: Table) -> str | None:
    """Nothing to say of a rule that leads images and objects alike."""


class RuleKind(NamedTuple):
    """A rule of the list.

    make(parts, **fields) -> the rule: `fields` are those of the table, as the code takes them.
    annealing, noise, gradient: the tables that a configuration has with this rule, unless it says
      else; `noise` "none" for a rule that finds its noise or keeps its own.
    scales: the fields that are guidance scales of the prior; one that is not 1 asks for the
      unconditional prediction, as does `needs_unconditional` whatever they are.
    shares_state: particles share what a `SharedRule` has; `needs_network`: it is an adapter of the
      prior's network.
    one_image_because(table): why with these fields it leads one image only, of one view and
      resolution, as a sentence without its end; None where it does not.
    warning_of_objects(table): what to warn of where it leads objects; None where nothing is.
    check(config): raises a UserError for what its fields do not go with.
    """

    name: str
    title: str
    make: Callable[..., Rule | SharedRule]
    fields: Fields
    annealing: Mapping[str, Any]
    noise: str
    scales: tuple[str, ...] = ("guidance_scale",)
    needs_unconditional: bool = False
    shares_state: bool = False
    needs_network: bool = False
    one_image_because: Callable[[Table], str | None] = of_objects_too
    check: Callable[[Any], None] = nothing_to_check
    warning_of_objects: Callable[[Table], str | None] = of_objects_too

    @property
    def is_noise_free(self) -> bool:
        """Whether it draws no noise."""
        return self.noise == "none"

    def asks_for_unconditional(self, table: Table) -> bool:
        """Whether the rule of `table` evaluates the prediction without a prompt."""
        return self.needs_unconditional or any(table[name] != 1.0 for name in self.scales)


def plainly(rule: Callable[..., Any]) -> Callable[..., Any]:
    """The `make` of a rule whose fields are named after its arguments."""

    def make(parts: Parts, **fields: Any) -> Any:
        noise = {} if parts.noise is None else {"noise": parts.noise}
        return rule(parts.prior.schedule, annealing=parts.annealing, **noise, **fields)

    return make


def of_scenes(rule: Callable[..., Any]) -> Callable[..., Any]:
    """The same of a rule that takes `views_together`, how many consecutive views are one scene."""

    def make(parts: Parts, **fields: Any) -> Any:
        return plainly(rule)(parts, views_together=parts.prior.views_together, **fields)

    return make
