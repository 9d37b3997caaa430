"""One place that says how long a notebook trains: `lesson` for two CPU cores, `full` for a GPU."""

import os

import torch


def name():
    """'lesson' or 'full': the environment variable GANEDU_PROFILE, else 'full' where CUDA is found."""
    chosen = os.environ.get("GANEDU_PROFILE") or ("full" if torch.cuda.is_available() else "lesson")
    if chosen not in ("lesson", "full"):
        raise ValueError(f"GANEDU_PROFILE must be 'lesson' or 'full'; got {chosen!r}")
    return chosen


def pick(*, lesson, full):
    """The value for this profile: pick(lesson=600, full=20_000)."""
    return {"lesson": lesson, "full": full}[name()]
