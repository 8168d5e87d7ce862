"""Schedulers of any content are read or refused with a sentence; what is read is finite."""

import json

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sdjax.config.errors import UserError
from sdjax.diffusion.scheduler_config import from_scheduler_config
from sdjax.prior_training.networks import scheduler_table
from tests.fuzz.damage import VALUES
from tests.fuzz.promise import FORMS, drawn, kept

WRITTEN = scheduler_table("v_prediction") | {
    "rescale_betas_zero_snr": True,
    "timestep_spacing": "trailing",
    "trained_betas": None,
}
CHANGES = st.dictionaries(
    st.sampled_from([*WRITTEN, "thresholding", "another"]), VALUES, max_size=3
)
LEFT_OUT = st.sets(st.sampled_from(list(WRITTEN)), max_size=3)


@FORMS
def test_any_scheduler(cases, tmp_path):
    (folder := tmp_path / "scheduler").mkdir()

    @drawn(cases)
    @given(changes=CHANGES, left_out=LEFT_OUT)
    def holds(changes, left_out):
        fields = {name: value for name, value in WRITTEN.items() if name not in left_out} | changes
        (folder / "scheduler_config.json").write_text(json.dumps(fields))
        schedule = kept(lambda: from_scheduler_config(folder), inside=folder)
        if not isinstance(schedule, UserError):
            table = np.asarray(schedule.alphas_cumprod)
            assert np.isfinite(1.0 / table).all() and (table > 0.0).all() and (table <= 1.0).all()

    holds()
