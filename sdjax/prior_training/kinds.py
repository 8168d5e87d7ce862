"""The kinds of models that `sdjax train_prior` trains; `KINDS` is the only list of them."""

from sdjax.config.kinds import kinds
from sdjax.prior_training import (
    clip_training,
    judge_training,
    multiview,
    novel_view,
    stable_diffusion,
)

KINDS = kinds(
    stable_diffusion.KIND, judge_training.KIND, clip_training.KIND, novel_view.KIND, multiview.KIND
)
