"""Small trainers for the tests: made anew each time, with the same first weights."""

from functools import partial

import torch
from torch import nn

from ganedu import data
from ganedu.networks import DCGANDiscriminator, DCGANGenerator, MLPDiscriminator, MLPGenerator
from ganedu.penalties import r1
from ganedu.trainer import Trainer

torch.set_num_threads(1)  # nets this small gain nothing from a second thread
torch.backends.cudnn.deterministic = True  # its fastest kernels round in no fixed order


def mlp(**changes):
    """The smallest: points on a ring."""
    torch.manual_seed(0)
    G, D = MLPGenerator(width=8), MLPDiscriminator(width=8)
    return Trainer(**{"G": G, "D": D, "data": data.ring(8), "batch": 16, **changes})


def mlp_with_everything(**changes):
    """An averaged G, a schedule, two steps for D, and dropout, which draws from torch's own rng."""
    torch.manual_seed(0)
    D = MLPDiscriminator(width=8)
    D.net.insert(2, nn.Dropout(0.2))
    options = {"ema": 0.9, "d_steps": 2, "schedule": lambda step: 1 / (1 + step), "lr_g": 1e-3}
    return mlp(D=D, **{**options, **changes})


def noise_images(n=40):
    pixels = torch.rand(n, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    return data.Images(2 * pixels - 1)


def dcgan(**changes):
    """Batch norm in both, R1, an averaged G, and the precision the hardware asks for."""
    torch.manual_seed(0)
    G, D = DCGANGenerator(width=2, z_dim=4), DCGANDiscriminator(width=2)
    options = {"data": noise_images(), "batch": 4, "penalty": partial(r1, gamma=0.1), "ema": 0.9}
    return Trainer(**{"G": G, "D": D, **options, **changes})


def same(a, b):
    """Whether two states are equal bit for bit, at any depth, wherever they are kept."""
    if isinstance(a, torch.Tensor):
        return a.dtype == b.dtype and torch.equal(a.cpu(), b.cpu())
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b


def all_finite(trainer):
    nets = (trainer.G, trainer.D)
    return all(torch.isfinite(p).all() for net in nets for p in net.state_dict().values())
