"""The sizes that have names are those of the published models."""

import pytest

from sdjax.benchmarks.architectures import ARCHITECTURES, architecture, fields_of
from sdjax.config.errors import UserError
from sdjax.networks.autoencoder.config import AutoencoderConfig
from sdjax.networks.unet.config import UNetConfig
from tests import reference
from tests.networks.components import real_fields


@pytest.mark.parametrize("name", ["sd15", "sd21_base"])
def test_named_sizes_are_the_published_ones(name):
    sizes = architecture(name)
    assert sizes.unet == UNetConfig.from_dict(real_fields(name, "unet"))
    published = AutoencoderConfig.from_dict({**real_fields(name, "vae"), "sample_size": 512})
    assert sizes.autoencoder == published


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_latents_fit_the_unet(name):
    unet, autoencoder = architecture(name)
    assert unet.sample_size * autoencoder.factor == autoencoder.sample_size
    assert unet.in_channels == autoencoder.latent_channels


def test_a_folder_gives_its_own_sizes(monkeypatch):
    folder = reference.FOLDER / "tiny" / "sd1_4block"
    monkeypatch.setenv("HOME", str(folder.parent))
    for name in (str(folder), "~/sd1_4block"):
        assert len(architecture(name).unet.block_out_channels) == 4


@pytest.mark.parametrize("content", ["", "{", "[1]"])
def test_a_damaged_configuration_is_a_sentence(tmp_path, content):
    for name, text in (("unet", "{}"), ("vae", content)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text(text)
    with pytest.raises(UserError, match=r"vae/config.json' .*expected the configuration of a netw"):
        fields_of(str(tmp_path))


def test_a_name_that_is_neither():
    sentence = r"'sd3' is neither one of sd15, sd21_base, small, tiny nor a"
    with pytest.raises(UserError, match=sentence):
        fields_of("sd3")
