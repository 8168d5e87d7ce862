"""MVDream (arXiv 2308.16512): Stable Diffusion that draws several views of one scene together."""

from functools import partial

from flax import struct
from jaxtyping import Array, Float, Int

from sdjax.camera_numbers import mvdream_camera
from sdjax.cameras import Camera
from sdjax.diffusion.guided import Branches
from sdjax.diffusion.prediction import to_epsilon
from sdjax.networks.lora.predictor import AdaptedPredictor
from sdjax.networks.lora.unet import apply_lora
from sdjax.priors.bins import rigs_over
from sdjax.priors.text_to_image import StableDiffusionPrior
from sdjax.rigs import check_scenes
from sdjax.rules.view_bins import ViewBins
from sdjax.shapes import check_shape
from sdjax.text.conditioning import Conditioning, branches, for_each_view

Numbers = Float[Array, "views 16"]


@struct.dataclass(kw_only=True)
class MVDreamPrior(StableDiffusionPrior):
    """A `Prior` whose UNet sees `views_together` views of a scene at once, and their cameras.

    All views of a call are scenes one after the other: view = scene * views_together + its number,
    whatever their order inside.  The network is told the camera's directions and unit position
    (`mvdream_camera`); distance and field of view never reach it.  An object's front is at the
    azimuth `front`: 0 as everywhere in this package, -90 in threestudio's MVDream.  Every branch of
    guidance has the camera, those without the prompt too.
    """

    views_together: int = struct.field(pytree_node=False, default=4)
    front: float = struct.field(pytree_node=False, default=0.0)

    def view_bins(self, number: int | None, elevation: tuple[float, float]) -> ViewBins:
        """`number` rigs of views, over a range of elevations in degrees."""
        return rigs_over(number, elevation, self.views_together)

    camera_bins = view_bins

    def predict_noise(
        self,
        x_t: Float[Array, "batch h w c"],
        t: Int[Array, ""] | Int[Array, "batch"],
        embedding: tuple[Float[Array, "batch tokens features"], Numbers],
    ) -> Float[Array, "batch h w c"]:
        """epsilon(x_t, t) under a text and a camera: one evaluation of the network."""
        text, camera = embedding
        params = {"params": self.unet_params}
        output = self.unet.apply(params, x_t, t, text, camera=camera)
        return to_epsilon(self.schedule, self.prediction_type, output.astype(x_t.dtype), x_t, t)

    def predictor(self, conditioning: Conditioning, camera: Camera) -> AdaptedPredictor:
        """Through cameras [views], a multiple of `views_together` of them."""
        check_shape("camera.azimuth", camera.azimuth, "views")
        check_scenes(len(camera.azimuth), self.views_together)
        numbers = mvdream_camera(camera, self.front)
        return AdaptedPredictor(
            self.predict_noise,
            beside(branches(conditioning, camera, self.prompting), numbers),
            network=partial(_adapted, self),
            prompt=(for_each_view(conditioning.plain, camera), numbers),
        )


def _adapted(prior: MVDreamPrior, params, x_t, t, prompt, camera):
    text, numbers = prompt
    own = {"camera": numbers}
    return apply_lora(prior.unet, prior.unet_params, params, x_t, t, text, camera, own=own)


def beside(texts: Branches, numbers: Numbers) -> Branches:
    """The branches with the numbers of the cameras in each."""

    def paired(text):
        return None if text is None else (text, numbers)

    return texts._replace(
        positive=paired(texts.positive),
        unconditional=paired(texts.unconditional),
        negatives=tuple(map(paired, texts.negatives)),
        null=paired(texts.null),
    )
