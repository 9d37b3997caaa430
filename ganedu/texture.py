"""A GAN of one picture: patches are the data, z is a field of noise, and what is drawn has any size.

    trainer = RECIPE.trainer(0, data=Patches(picture))
    for _ in trainer.steps(1000): ...
    tile(trainer.average.eval(), noise(trainer.G, 1, (32, 32), rng))  # [1, C, 256, 256], its edges meet

No layer of G pads. So each pixel depends on the z within 3 cells around it and on nothing else, not on
where it lies: G can be laid round a torus, or drawn piece by piece, and is exactly the same.
(Spatial GANs: Jetchev et al. 2016. Nothing here reads or writes files.)
"""

import math
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import nn
from torch.nn.functional import max_pool2d, one_hot

from ganedu.data import moved
from ganedu.networks import dcgan_init, leaky
from ganedu.recipe import Recipe

CELL = 8  # pixels that one cell of z is drawn as: three doublings
REACH = 3  # cells around a pixel's own that it depends on


@dataclass
class Patches:
    """Windows of a picture x [C, H, W], size x size: all, or those whose upper left `corners` are given."""

    x: torch.Tensor
    size: int = 32
    corners: torch.Tensor | None = None  # [N, 2]

    def __post_init__(self):
        if self.x.ndim != 3 or min(self.x.shape[1:]) < self.size:
            raise ValueError(
                f"a picture must be [C, H, W] with at least {self.size} pixels a side; "
                f"got {list(self.x.shape)}"
            )
        if self.corners is None:
            rows, columns = (torch.arange(side - self.size + 1) for side in self.x.shape[1:])
            self.corners = torch.cartesian_prod(rows, columns)

    def __len__(self):
        return len(self.corners)

    def sample(self, n, rng):
        """Draw n patches [n, C, size, size], with replacement, on the generator's device."""
        drawn = torch.randint(len(self), (n,), generator=rng, device=rng.device)
        return self.at(moved(self, "corners", rng.device)[drawn])

    def at(self, corners):
        """The patches [n, C, size, size] at corners [n, 2], on the corners' device."""
        x = moved(self, "x", corners.device)
        windows = x.unfold(1, self.size, 1).unfold(2, self.size, 1)  # [C, H', W', P, P], a view
        return windows[:, corners[:, 0], corners[:, 1]].transpose(0, 1).contiguous()


GROUPS = 5  # of blocks: four are trained on, the first is not


def split(x, size=32):
    """(the windows of a picture to train on, five groups of windows to compare with).

    The picture is cut into blocks of 1.5 windows a side, in five groups scattered alike. No window of
    the first part touches a block of group 0, so group 0 is held out: its pixels are never seen. Each
    group has the windows inside of equally many blocks. In a picture of less than five blocks nothing
    is held out, and there are no groups.
    """
    side = size * 3 // 2
    rows, columns = (length // side for length in x.shape[1:])
    group = (torch.arange(rows)[:, None] + 2 * torch.arange(columns)) % GROUPS  # [rows, columns]
    n = group.flatten().bincount(minlength=GROUPS).min().item()  # blocks in each
    if n == 0:
        return Patches(x, size), []
    where = [(group == k).nonzero()[:n] for k in range(GROUPS)]  # [n, 2] each
    within = torch.cartesian_prod(*[torch.arange(side - size + 1)] * 2)  # corners inside a block
    groups = [(side * at[:, None] + within).flatten(0, 1) for at in where]
    hidden = torch.zeros(x.shape[1:])
    for top, left in (side * where[0]).tolist():
        hidden[top : top + side, left : left + side] = 1
    seen = (max_pool2d(hidden[None], size, 1)[0] == 0).nonzero()  # windows without a hidden pixel
    return Patches(x, size, seen), [Patches(x, size, corners) for corners in groups]


@dataclass
class Album:
    """Patches of several pictures, with the number of the picture as a label."""

    pictures: list  # of Patches, all with the same channels

    def sample(self, n, rng):
        """Draw n patches [n, C, P, P], each picture alike often."""
        return self.labelled(n, rng)[0]

    def labelled(self, n, rng):
        """Draw n patches [n, C, P, P] and the pictures that they come from [n]."""
        y = torch.randint(len(self.pictures), (n,), generator=rng, device=rng.device)
        drawn = torch.stack([p.sample(n, rng) for p in self.pictures])  # [K, n, C, P, P]
        return drawn[y, torch.arange(n, device=rng.device)], y


class TextureGenerator(nn.Module):
    """z [n, 16, h, w] -> pictures [n, channels, 8 (h - 6), 8 (w - 6)] in [-1, 1].

    With `kinds`, of so many textures: y [n] names one for the whole picture, or y [n, kinds, h, w]
    paints which of them each cell is of.
    """

    def __init__(self, channels=3, kinds=None, z_dim=16, width=24):
        super().__init__()
        self.z_dim, self.n_classes = z_dim, kinds
        self.z_shape = (
            z_dim,
            32 // CELL + 2 * REACH,
            32 // CELL + 2 * REACH,
        )  # of a 32-pixel patch
        a, b, c = 3 * width, 2 * width, width
        self.net = nn.Sequential(
            *(nn.Conv2d(z_dim + (kinds or 0), a, 3, bias=False), nn.BatchNorm2d(a), nn.ReLU()),
            *(nn.ConvTranspose2d(a, b, 4, 2, 3, bias=False), nn.BatchNorm2d(b), nn.ReLU()),
            *(nn.ConvTranspose2d(b, c, 4, 2, 3, bias=False), nn.BatchNorm2d(c), nn.ReLU()),
            *(nn.ConvTranspose2d(c, channels, 4, 2, 3), nn.Tanh()),
        )
        dcgan_init(self)

    def forward(self, z, y=None):
        if z.ndim != 4 or z.shape[1] != self.z_dim or min(z.shape[2:]) <= 2 * REACH:
            raise ValueError(
                f"z must be [n, {self.z_dim}, h, w] with h and w above {2 * REACH}; got {list(z.shape)}"
            )
        if self.n_classes is not None:
            z = torch.cat([z, self._painted(y, z)], dim=1)
        return self.net(z)[:, :, 2:-2, 2:-2]  # the convolutions leave 8 (h - 6) + 4

    def _painted(self, y, z):
        if y.ndim == 1:
            y = one_hot(y, self.n_classes)[:, :, None, None]  # [n, kinds, 1, 1]
        return y.to(z).expand(len(z), self.n_classes, *z.shape[2:])


class PatchDiscriminator(nn.Module):
    """Patches x [n, channels, P, P] -> logits [n]: the mean over places. With `kinds`, as texture y [n]."""

    def __init__(self, channels=3, kinds=None, width=24):
        super().__init__()
        a, b, c = width, 2 * width, 4 * width
        self.net = nn.Sequential(
            *(nn.Conv2d(channels, a, 4, 2, 1), leaky()),
            *(nn.Conv2d(a, b, 4, 2, 1, bias=False), nn.BatchNorm2d(b), leaky()),
            *(nn.Conv2d(b, c, 4, 2, 1, bias=False), nn.BatchNorm2d(c), leaky()),
            nn.Conv2d(c, kinds or 1, 3, 1, 1),
        )
        dcgan_init(self)

    def forward(self, x, y=None):
        logits = self.net(x).flatten(2).mean(2)  # [n, kinds]
        return logits.squeeze(1) if y is None else logits.gather(1, y[:, None]).squeeze(1)  # [n]


RECIPE = Recipe(
    data=Patches,
    G=TextureGenerator,
    D=PatchDiscriminator,
    steps=5000,
    batch=16,
    lr_g=1e-3,
    lr_d=5e-4,
    ema=0.99,
)


def recipe(x, kinds=None, **changes):
    """The recipe for a picture x [C, H, W], or for an album of `kinds` with as many channels."""
    nets = {
        "G": partial(TextureGenerator, channels=len(x), kinds=kinds),
        "D": partial(PatchDiscriminator, channels=len(x), kinds=kinds),
    }
    return replace(RECIPE, **nets, **changes)


# ---------------------------------------------------------------- drawing


def noise(G, n, cells, rng):
    """z ~ N(0, 1) for n pictures of cells = (h, w): [n, z_dim, h, w]."""
    return torch.randn(n, G.z_dim, *cells, generator=rng, device=rng.device)


def around(z):
    """z [n, c, h, w] on a torus, continued REACH cells beyond each edge: [n, c, h + 6, w + 6]."""
    for axis in (2, 3):
        k = z.shape[axis]
        places = torch.arange(-REACH, k + REACH, device=z.device) % k
        z = z.index_select(axis, places)
    return z


@torch.no_grad()
def tile(G, z, y=None):
    """Pictures [n, C, 8 h, 8 w] of z [n, z_dim, h, w] on a torus: put side by side, they have no seam.

    y as G takes it; painted, [n, kinds, h, w], it lies on the same torus.
    """
    painted = y is not None and y.ndim == 4 and y.shape[2:] == z.shape[2:]
    return G(around(z), around(y) if painted else y) if y is not None else G(around(z))


@torch.no_grad()
def strips(G, z, y=None, rows=8):
    """`tile(G, z, y)` from top to bottom, `rows` cells at a time: the same picture in little memory."""
    z = around(z)
    y = around(y) if y is not None and y.ndim == 4 else y
    for top in range(0, z.shape[2] - 2 * REACH, rows):
        part = slice(top, top + rows + 2 * REACH)
        ys = () if y is None else (y[:, :, part] if y.ndim == 4 else y,)
        yield G(z[:, :, part], *ys)


def circle(a, b, frames):
    """Fields z on a closed curve, one for each frame: from a through b, -a, -b to a, [frames, ...].

    Where a and b are N(0, 1), so is each point between: cos^2 + sin^2 = 1.
    """
    for k in range(frames):
        angle = 2 * math.pi * k / frames
        yield math.cos(angle) * a + math.sin(angle) * b
