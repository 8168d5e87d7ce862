"""The small model of `tests.prior_training.small`, once per file."""

import pytest

from tests.prior_training import small


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    return tmp_path_factory.mktemp("tokenizer")


@pytest.fixture(scope="module")
def model(tokenizer):
    return small.model(tokenizer)
