"""What every count of samples asks first."""

import torch


def finite(x):
    """The samples x [n, ...] themselves, or a ValueError where one of their numbers is not finite."""
    if not torch.isfinite(x).all():
        raise ValueError("the samples hold NaN or infinite values: the generator has diverged")
    return x
