"""The embedded prior of random pictures in place of one that is rendered."""

import pytest

from tests import tiny


@pytest.fixture
def tiny_priors(monkeypatch):
    monkeypatch.setattr("sdjax.runs.build.make_prior", lambda *_: tiny.PRIOR)
    monkeypatch.setattr(
        "sdjax.priors.embedded.EmbeddedPrior.condition", lambda *_: tiny.CONDITIONING
    )
