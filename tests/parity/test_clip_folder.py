"""The folder of a CLIP that training writes is a CLIPModel to transformers; so is the one that
comes with the package."""

import numpy as np
import pytest

from sdjax.networks.clip.pixels import MEAN, STD
from sdjax.prior_training.clip_model import read_clip, write_clip
from sdjax.prior_training.clip_scores import picture_features, text_features
from sdjax.weights.shipped import CLIP, shipped_folder
from tests.parity.torch_models import channels_first, torch, transformers
from tests.prior_training import small_clip

pytestmark = [pytest.mark.parity, pytest.mark.usefixtures("quick_compilation")]
TEXTS = ["a red mug, front left view", "a blue car", ""]
IS_SHIPPED = (shipped_folder().parent / CLIP).is_dir()  # beside sdjax-small


@pytest.fixture(scope="module", params=["written", *["shipped"] * IS_SHIPPED])
def folder(request, tmp_path_factory):
    if request.param == "shipped":
        return shipped_folder(CLIP)
    made = tmp_path_factory.mktemp("clip")
    write_clip(small_clip.clip(made / "words"), made / "clip", made / "words", "float32")
    return made / "clip"


@pytest.fixture(scope="module")
def theirs(folder):
    return transformers.CLIPModel.from_pretrained(folder, local_files_only=True).float().eval()


def test_nothing_is_missing_or_left_over(folder):
    _, told = transformers.CLIPModel.from_pretrained(
        folder, local_files_only=True, output_loading_info=True
    )
    assert not told["missing_keys"] and not told["unexpected_keys"]


def test_texts_and_pictures_have_the_same_embeddings(folder, theirs):
    """Whole logits too, which have the scale."""
    ours = read_clip(folder)
    size = ours.towers.vision.config.image_size
    pictures = np.random.default_rng(0).uniform(size=(3, size, size, 3)).astype(np.float32)
    pixels = channels_first((pictures - np.float32(MEAN)) / np.float32(STD))
    tokenizer = transformers.CLIPTokenizer.from_pretrained(folder, local_files_only=True)
    ids = tokenizer(TEXTS, padding="max_length", return_tensors="pt").input_ids
    np.testing.assert_array_equal(ours.tokenize(TEXTS), ids)
    with torch.no_grad():
        output = theirs(input_ids=ids, pixel_values=torch.from_numpy(pixels))
    seen, said = picture_features(ours, pictures), text_features(ours, TEXTS)
    np.testing.assert_allclose(seen, output.image_embeds, atol=2e-5)
    np.testing.assert_allclose(said, output.text_embeds, atol=2e-5)
    logits = np.exp(ours.params["logit_scale"]) * seen @ said.T
    np.testing.assert_allclose(logits, output.logits_per_image, atol=2e-3)


def test_the_processor_prepares_pictures_as_we_do(folder):
    processor = transformers.CLIPImageProcessor.from_pretrained(folder, local_files_only=True)
    size = read_clip(folder).towers.vision.config.image_size
    picture = np.random.default_rng(0).integers(0, 256, (size, size, 3)).astype(np.uint8)
    made = processor(picture, return_tensors="np")["pixel_values"]
    expected = (picture[None] / 255.0 - MEAN) / STD
    np.testing.assert_allclose(made, channels_first(np.float32(expected)), atol=1e-5)
