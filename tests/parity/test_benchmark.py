"""PyTorch beside sdjax: the same work, timed in turns."""

import pytest

from sdjax.benchmarks.architectures import fields_of
from sdjax.benchmarks.flops import flops_of
from sdjax.benchmarks.method import Method
from sdjax.benchmarks.network_tables import Peaks, measure_networks
from sdjax.benchmarks.peer import PEER_MODES, PeerError, peer_runner
from tests.benchmarks.small import TINY
from tests.parity.torch_models import diffusers, torch

pytestmark = pytest.mark.parity
flop_counter = pytest.importorskip("torch.utils.flop_counter")


@pytest.mark.parametrize("model", ["sd15", "sd21_base"])
def test_both_ask_for_the_same_operations(model):
    """PyTorch counts products with the padding too, but nothing that is no product."""
    fields = fields_of(model).unet
    with torch.device("meta"):
        unet = diffusers.UNet2DConditionModel.from_config(fields)
        x, t = torch.empty(2, 4, 64, 64), torch.tensor(500)
        context = torch.empty(2, 77, fields["cross_attention_dim"])
    counter = flop_counter.FlopCounterMode(display=False)
    with counter, torch.no_grad():
        unet(x, t, context)
    (ours,) = flops_of([("prediction", model, 1, 512, "bfloat16")])
    assert ours == pytest.approx(counter.get_total_flops(), rel=0.02)


@pytest.mark.long
@pytest.mark.parametrize("kind", ["prediction", "autoencoder"])
def test_a_row_has_the_ratio(kind, monkeypatch):
    monkeypatch.setattr("sdjax.benchmarks.network_tables.PEER_MODES", PEER_MODES[:1])
    cases = [(kind, TINY, 1, 16, "float32")]
    (row,) = measure_networks(cases, Peaks(None, 1.0, 64), "diffusers", Method(1, 1e-3)).rows
    theirs = row["diffusers, eager, images/s"]
    assert row["diffusers, eager, ratio"] == pytest.approx(row["images/s"] / theirs)


def test_what_the_other_process_cannot_do_is_one_sentence():
    impossible = peer_runner(("prediction", TINY, -1, 16, "float32"), PEER_MODES[0])
    with pytest.raises(PeerError, match=r"^\w+Error: .+"), impossible:
        pass
