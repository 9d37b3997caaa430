"""Checkpoints that survive: a file is whole or not there, and what was saved can be loaded."""

import io
from pathlib import Path

import torch

from ganedu.files import replacing


def save(state, path):
    """Write `state` to `path` in one step; what `load` would refuse is refused here, by its key."""
    content = _bytes(state)
    if not _readable(content):
        where, value = _foreign(state)
        raise TypeError(
            f"the state cannot be saved so that it can be loaded again: {where} is a "
            f"{type(value).__module__}.{type(value).__name__}; make it a tensor or a plain number"
        )
    with replacing(path) as file:
        file.write(content)


def load(path, device="cpu"):
    """Read what `save` wrote, tensors only (`weights_only=True`: no code in the file is run)."""
    path = Path(path).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f"no checkpoint at {path}")
    try:
        return torch.load(path, map_location=device, weights_only=True)
    except Exception as error:  # torch raises many kinds for a cut or foreign file
        raise ValueError(f"{path} is not a whole checkpoint {_reason(error)}") from None


def load_run(path):
    """The state of a run: a dictionary; where it names its recipe, that is text and its step a number."""
    state = load(path)
    named = isinstance(state, dict) and "recipe" in state
    if not isinstance(state, dict) or (
        named and not (isinstance(state["recipe"], str) and type(state.get("step")) is int)
    ):
        raise ValueError(
            f"{path} is a checkpoint, but none of a run, as `ganedu train` leaves them"
        )
    return state


def _reason(error):
    if "weights_only" in str(error) and "GLOBAL" in str(error):
        return (
            "of tensors and plain numbers alone: it holds a Python object of another kind, which is "
            "not read, since that could run code. If you wrote it, save it again without that object."
        )
    return (
        f"({type(error).__name__}): it was cut off, or is another kind of file. Use an earlier one, "
        "or train again."
    )


def _bytes(state):
    buffer = io.BytesIO()
    torch.save(state, buffer)
    return buffer.getvalue()


def _readable(content):
    try:
        torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception:
        return False
    return True


def _foreign(state, where="state"):
    """The place and the value, as deep inside as possible, that cannot be read back."""
    if isinstance(state, dict):
        inside = [(f"{where}[{key!r}]", value) for key, value in state.items()]
    elif isinstance(state, list | tuple):
        inside = [(f"{where}[{i}]", value) for i, value in enumerate(state)]
    else:
        inside = []
    for place, value in inside:
        if not _readable(_bytes(value)):
            return _foreign(value, place)
    return where, state
