"""Stable Diffusion 1.x and 2.x as a prior: latents, text and one network evaluation."""

from collections.abc import Callable
from functools import partial

from flax import struct
from jaxtyping import Array, Float, Int

from sdjax.cameras import Camera
from sdjax.diffusion.prediction import to_epsilon
from sdjax.networks.lora.predictor import AdaptedPredictor
from sdjax.networks.lora.unet import apply_lora
from sdjax.priors.bins import prompt_bins, spread_bins
from sdjax.priors.latent import LatentPrior
from sdjax.rules.view_bins import ViewBins
from sdjax.text.conditioning import Conditioning, branches, condition, for_each_view
from sdjax.text.views import Prompting

Embed = Callable[[list[str]], Float[Array, "prompts tokens features"]]
VIEW_DEPENDENT = Prompting()


@struct.dataclass(kw_only=True)
class StableDiffusionPrior(LatentPrior):
    """A text-to-image model; a `Prior`, which reads the camera in its prompts only."""

    embed: Embed = struct.field(pytree_node=False)  # text embeddings of prompts, on the host
    prompting: Prompting = struct.field(pytree_node=False, default=VIEW_DEPENDENT)

    def condition(self, prompt: str) -> Conditioning:
        """The embeddings of the prompt in each direction, and of the negative prompt."""
        return condition(prompt, self.prompting, self.embed)

    def view_bins(self, number: int | None, elevation: tuple[float, float]) -> ViewBins:
        """Those that its prompts tell apart."""
        return prompt_bins(self.prompting, number)

    def camera_bins(self, number: int | None, elevation: tuple[float, float]) -> ViewBins:
        """`number` directions, spread evenly over a range of elevations."""
        return spread_bins(number, elevation)

    def predict_noise(
        self,
        x_t: Float[Array, "batch h w c"],
        t: Int[Array, ""] | Int[Array, "batch"],
        embedding: Float[Array, "batch tokens features"],
    ) -> Float[Array, "batch h w c"]:
        """epsilon(x_t, t): one evaluation of the network, whatever it predicts."""
        output = self.unet.apply({"params": self.unet_params}, x_t, t, embedding)
        return to_epsilon(self.schedule, self.prediction_type, output.astype(x_t.dtype), x_t, t)

    def predictor(self, conditioning: Conditioning, camera: Camera) -> AdaptedPredictor:
        """Each view reads the prompt of its direction, or Perp-Neg's mixture of prompts; a network
        with adapters beside it, which VSD trains, reads the plain prompt."""
        return AdaptedPredictor(
            self.predict_noise,
            branches(conditioning, camera, self.prompting),
            network=partial(apply_lora, self.unet, self.unet_params),
            prompt=for_each_view(conditioning.plain, camera),
        )
