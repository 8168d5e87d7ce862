"""What tests of several priors take."""

import shutil

import pytest

from tests import reference


@pytest.fixture
def copy(tmp_path):
    """A checkpoint that a test may damage."""
    return shutil.copytree(reference.FOLDER / "tiny" / "sd1_tiny", tmp_path / "checkpoint")
