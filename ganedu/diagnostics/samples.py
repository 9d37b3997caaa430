"""What every count of samples asks first."""

import torch


def finite(x):
    """Samples x [n, ...] as a tensor of real numbers, or a ValueError where one of them is not finite."""
    x = torch.as_tensor(x).detach()
    if x.ndim < 2:
        raise ValueError(f"samples must be [n, ...], an example a row; got {list(x.shape)}")
    x = x if x.is_floating_point() else x.float()
    if not torch.isfinite(x).all():
        raise ValueError("the samples hold NaN or infinite values: the generator has diverged")
    return x
