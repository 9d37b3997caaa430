"""Checkpoints that survive: a file is either whole or not there."""

import os
import secrets
import time
from contextlib import suppress
from glob import escape
from pathlib import Path

import torch


def save(state, path):
    """Write `state` beside `path`, then move it there in one step: a kill leaves the old file."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    _sweep(path)
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
    try:
        with open(partial, "wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)  # there only if something went wrong


def _sweep(path, hours=1):
    """Remove what killed saves left; a younger file may be another process's save under way."""
    for old in path.parent.glob(f".{escape(path.name)}.*.partial"):
        with suppress(FileNotFoundError):  # another process was quicker
            if time.time() - old.stat().st_mtime > hours * 3600:
                old.unlink()


def load(path, device="cpu"):
    """Read what `save` wrote, tensors only (`weights_only=True`: no code in the file is run)."""
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no checkpoint at {path}")
    try:
        return torch.load(path, map_location=device, weights_only=True)
    except Exception as error:  # torch raises many kinds for a cut or foreign file
        raise ValueError(
            f"{path} is not a whole checkpoint ({type(error).__name__}): it was cut off, or is "
            f"another kind of file. Use an earlier one, or train again."
        ) from None
