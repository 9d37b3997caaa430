"""Small questions that many checks ask of an answer."""

import torch

from ganedu.checks.engine import Misconception


def number(value, what):
    """A returned scalar (tensor or float) as a float, or a named verdict on why it is none."""
    if value is None:
        raise Misconception(
            "NOTHING-RETURNED", f"{what} is None.", "End the function with a `return` line."
        )
    if isinstance(value, torch.Tensor) and value.numel() > 1:
        raise Misconception(
            "UNREDUCED",
            f"{what} has shape {list(value.shape)}: one value an example.",
            "One number for the whole batch is asked for; which average does the formula take?",
        )
    try:
        return float(value.detach() if isinstance(value, torch.Tensor) else value)
    except (TypeError, ValueError):
        raise Misconception(
            "NOT-A-NUMBER",
            f"{what} is a {type(value).__name__}, not a number.",
            "Return one number, and nothing else.",
        ) from None


def tensor(value, shape, what):
    """A returned tensor of the expected shape, or a named verdict on why it is none."""
    if value is None:
        raise Misconception(
            "NOTHING-RETURNED", f"{what} is None.", "End the function with a `return` line."
        )
    if not isinstance(value, torch.Tensor):
        raise Misconception(
            "NOT-A-TENSOR", f"{what} is a {type(value).__name__}.", "Return a torch tensor."
        )
    if tuple(value.shape) != tuple(shape):
        raise Misconception(
            "SHAPE",
            f"{what} has shape {list(value.shape)}; {list(shape)} is expected.",
            "Print the shape after each line and compare it with the shapes in the text.",
        )
    return value


def near(a, b, tolerance=1e-4):
    """Equal up to rounding: numbers or tensors, NaN never."""
    a, b = torch.as_tensor(a, dtype=torch.float64), torch.as_tensor(b, dtype=torch.float64)
    return a.shape == b.shape and bool(torch.allclose(a, b, rtol=tolerance, atol=tolerance))
