"""Pictures of the package: there, small, and told from paths."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sdjax.config.errors import UserError
from sdjax.files.shipped_pictures import picture_path


def test_a_name_is_the_package_s_picture_with_an_alpha_channel():
    path = Path(picture_path("sdjax:red_facade.png"))
    assert path.stat().st_size < 10_000
    with Image.open(path) as image:
        assert (image.mode, image.size) == ("RGBA", (128, 128))
        alpha = np.asarray(image)[..., 3]
    assert alpha[0].max() == 0 and alpha[64, 64] == 255


def test_a_path_stays_what_it_is():
    assert picture_path("my/mug.png") == "my/mug.png"


@pytest.mark.parametrize("name", ["blue_facade.png", "", "../setup.cfg", "red_facade"])
def test_other_names_are_refused_with_those_there_are(name):
    with pytest.raises(UserError, match=r"^The package has no picture sdjax:.*, only .*red_facade"):
        picture_path(f"sdjax:{name}")
