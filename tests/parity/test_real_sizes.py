"""The recorded names and shapes of the published sizes are those of PyTorch's models."""

import pytest

from tests.networks.components import real_fields
from tests.networks.test_real_sizes import MODELS, our_tensors, recorded_tensors
from tests.parity import torch_models

pytestmark = pytest.mark.parity


@pytest.mark.parametrize(("model", "component", "file", "_"), MODELS)
def test_every_tensor_is_one_of_ours(model, component, file, _):
    theirs = torch_models.tensors(component, real_fields(model, component))
    assert theirs == recorded_tensors(file)
    assert theirs == our_tensors(model, component)
