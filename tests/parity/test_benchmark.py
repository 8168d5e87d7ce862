"""PyTorch beside sdjax: the same work, timed in turns."""

import re

import numpy as np
import pytest

from sdjax.benchmarks.architectures import fields_of
from sdjax.benchmarks.flops import work_of
from sdjax.benchmarks.method import Method
from sdjax.benchmarks.network_tables import measure_networks
from sdjax.benchmarks.peer import COMPILED, EAGER, PEER_MODES, Peer
from sdjax.benchmarks.section import Deadline
from sdjax.benchmarks.work import asked_flops
from tests.benchmarks.opened import rows_of
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
    ours = asked_flops(work_of(("prediction", model, 1, 512, "bfloat16")))
    assert ours == pytest.approx(counter.get_total_flops(), rel=0.02)


@pytest.mark.long
@pytest.mark.parametrize("kind", ["prediction", "autoencoder"])
def test_a_row_has_the_ratio(kind, monkeypatch):
    monkeypatch.setattr("sdjax.benchmarks.peer.PEER_MODES", PEER_MODES[:1])
    cases = [(kind, TINY, 1, 16, "float32")]
    deadline = Deadline.after(300.0)
    (row,) = rows_of(measure_networks(cases, None, 64, 60.0, Method(1, 1e-3), deadline))
    theirs = row["diffusers, eager, images/s"]
    assert row["diffusers, eager, ratio"] == pytest.approx(row["images/s"] / theirs)


def built(peer, batch):
    peer.build(("prediction", TINY, batch, 16, "float32"), Deadline.after(100.0))
    return peer.failure


def test_what_the_other_process_cannot_do_is_one_sentence_and_the_next_work_goes_on():
    peer = Peer(EAGER, float("inf"))
    try:
        assert re.match(r"^\w+Error: .+", built(peer, -1)) and np.isnan(peer(1))
        assert built(peer, 1) is None and peer(1) > 0
    finally:
        peer.end()


def test_what_compiles_for_too_long_is_ended_and_not_begun_again():
    peer = Peer(COMPILED, 0.5)
    try:
        assert built(peer, 1) == "building it took more than 0.5 s, and was ended."
        assert built(peer, 1) == "not begun: 0 s are left of its limit." and np.isnan(peer(1))
    finally:
        peer.end()
