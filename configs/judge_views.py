"""Whether the small MVDream of the package draws one object in its four views.

`prior.weights` may be any MVDream that was trained on the package's objects.

    sdjax judge_views --config=judge_views --workdir=runs/judge_views
    sdjax judge_views --config=judge_views --config.prior.weights=runs/mv/model --workdir=runs/mine
"""

from ml_collections import ConfigDict


def get_config() -> ConfigDict:
    """The table: what differs from the defaults; captions in training name no view."""
    prior = {"weights": "sdjax-small-mv", "dtype": "float32", "prompts": {"view_dependent": False}}
    return ConfigDict({"prior": prior})
