"""Generators G: z -> x, with `.z_dim` and `.z_shape`; discriminators D: x -> logits [n].

A discriminator never ends with a sigmoid: the losses take logits. Each network initialises itself.
"""

import math
from itertools import pairwise
from operator import index

import torch
from torch import nn


def mlp(sizes, activation):
    """Linear layers of the given sizes with `activation()` between them: sizes (2, 128, 1) -> 2 layers."""
    layers = []
    for n_in, n_out in pairwise(sizes):
        layers += [nn.Linear(n_in, n_out), activation()]
    return nn.Sequential(*layers[:-1])


def leaky():
    """LeakyReLU with the slope 0.2 of the DCGAN paper."""
    return nn.LeakyReLU(0.2)


class MLPGenerator(nn.Module):
    """z [n, z_dim] -> x [n, out_dim]."""

    def __init__(self, z_dim=2, out_dim=2, width=128, depth=2):
        super().__init__()
        _positive(z_dim=z_dim, out_dim=out_dim, width=width, depth=depth)
        self.z_dim, self.z_shape = z_dim, (z_dim,)
        self.net = mlp([z_dim, *[width] * depth, out_dim], nn.ReLU)
        he_init(self)

    def forward(self, z):
        _expect("z", z, (self.z_dim,))
        return self.net(z)  # [n, out_dim]


class MLPDiscriminator(nn.Module):
    """x [n, in_dim] -> logits [n]."""

    def __init__(self, in_dim=2, width=128, depth=2):
        super().__init__()
        _positive(in_dim=in_dim, width=width, depth=depth)
        self.in_dim = in_dim
        self.net = mlp([in_dim, *[width] * depth, 1], leaky)
        he_init(self)

    def forward(self, x):
        _expect("x", x, (self.in_dim,))
        return self.net(x).squeeze(1)  # [n]


class DCGANGenerator(nn.Module):
    """z [n, z_dim, 1, 1] -> images [n, channels, size, size] in [-1, 1] (Radford et al. 2015).

    The first transposed convolution opens z to 4 x 4 pixels, each further one doubles the side:
    1 -> 4 -> 8 (-> 16 -> 32 -> 64 -> 128); at 28 pixels 1 -> 4 -> 7 -> 14 -> 28.
    """

    def __init__(self, size=28, channels=1, width=32, z_dim=100):
        super().__init__()
        _positive(channels=channels, width=width, z_dim=z_dim)
        first, *inner, last = _kernels(size)
        self.z_dim, self.z_shape = z_dim, (z_dim, 1, 1)
        wide = width * 2 ** len(inner)
        layers = [nn.ConvTranspose2d(z_dim, wide, first, 1, 0, bias=False), *_norm_relu(wide)]
        for kernel in inner:
            layers += [nn.ConvTranspose2d(wide, wide // 2, kernel, 2, 1, bias=False)]
            wide //= 2
            layers += _norm_relu(wide)
        self.net = nn.Sequential(
            *layers, nn.ConvTranspose2d(wide, channels, last, 2, 1, bias=False), nn.Tanh()
        )
        dcgan_init(self)

    def forward(self, z):
        _expect("z", z, self.z_shape)
        return self.net(z)  # [n, channels, size, size]


class DCGANDiscriminator(nn.Module):
    """images [n, channels, size, size] -> logits [n]: the generator's mirror image.

    With `classes`, a logit for each: [n, classes] (for `conditional.ConditionalDiscriminator`).
    """

    def __init__(self, size=28, channels=1, width=32, classes=1):
        super().__init__()
        _positive(channels=channels, width=width, classes=classes)
        last, *inner, first = _kernels(size)
        self.x_shape = (channels, size, size)
        layers = [nn.Conv2d(channels, width, first, 2, 1, bias=False), leaky()]
        for kernel in reversed(inner):
            layers += [nn.Conv2d(width, 2 * width, kernel, 2, 1, bias=False)]
            width *= 2
            layers += [nn.BatchNorm2d(width), leaky()]
        self.net = nn.Sequential(*layers, nn.Conv2d(width, classes, last, 1, 0, bias=False))
        dcgan_init(self)

    def forward(self, x):
        _expect("x", x, self.x_shape)
        logits = self.net(x).flatten(1)  # [n, classes, 1, 1] -> [n, classes]
        return logits.squeeze(1)  # [n] where there is one class


class ResidualGenerator(nn.Module):
    """z [n, z_dim] -> images [n, channels, size, size] in [-1, 1]: residual blocks without any norm.

    In the manner of R3GAN (Huang et al. 2024): no batch norm, so each example is drawn alone; leaky
    units; blocks that begin as nothing, since their last convolution begins at 0. The side doubles
    from 4 to `size`, a power of two, while the width halves down to `width`.
    """

    def __init__(self, size=32, channels=3, width=64, z_dim=128, blocks=1):
        super().__init__()
        _positive(channels=channels, width=width, z_dim=z_dim, blocks=blocks)
        self.z_dim, self.z_shape = z_dim, (z_dim,)
        self.widths = _widths(size, width)
        self.first = nn.Linear(z_dim, self.widths[0] * 16)
        layers = [Residual(self.widths[0]) for _ in range(blocks)]
        for wide, narrow in pairwise(self.widths):
            layers += [nn.Conv2d(wide, narrow, 1, bias=False), nn.Upsample(scale_factor=2)]
            layers += [Residual(narrow) for _ in range(blocks)]
        self.net = nn.Sequential(
            *layers, leaky(), nn.Conv2d(self.widths[-1], channels, 3, 1, 1), nn.Tanh()
        )
        residual_init(self)

    def forward(self, z):
        _expect("z", z, self.z_shape)
        return self.net(self.first(z).unflatten(1, (self.widths[0], 4, 4)))  # [n, C, size, size]


class ResidualDiscriminator(nn.Module):
    """images [n, channels, size, size] -> logits [n]: the residual generator's mirror image."""

    def __init__(self, size=32, channels=3, width=64, blocks=1):
        super().__init__()
        _positive(channels=channels, width=width, blocks=blocks)
        self.x_shape = (channels, size, size)
        widths = _widths(size, width)[::-1]
        layers = [nn.Conv2d(channels, widths[0], 3, 1, 1)]
        for narrow, wide in pairwise(widths):
            layers += [Residual(narrow) for _ in range(blocks)]
            layers += [nn.AvgPool2d(2), nn.Conv2d(narrow, wide, 1, bias=False)]
        layers += [Residual(widths[-1]) for _ in range(blocks)]
        self.net = nn.Sequential(*layers, leaky(), nn.Flatten(), nn.Linear(widths[-1] * 16, 1))
        residual_init(self)

    def forward(self, x):
        _expect("x", x, self.x_shape)
        return self.net(x).squeeze(1)  # [n]


class Residual(nn.Module):
    """x [n, width, H, W] -> x + f(x) of the same shape, with f of two 3 x 3 convolutions."""

    def __init__(self, width):
        super().__init__()
        self.f = nn.Sequential(
            leaky(),
            nn.Conv2d(width, width, 3, 1, 1),
            leaky(),
            nn.Conv2d(width, width, 3, 1, 1, bias=False),
        )

    def forward(self, x):
        return x + self.f(x)


class FourierFeatures(nn.Module):
    """x [n, d] -> [n, d (1 + 2k)]: x, then sin and cos of each of k frequencies times each coordinate.

    A network of waves sees fine detail that one of plain coordinates learns late or never (Tancik et
    al. 2020). Radians per unit; the default suits data of about unit size. With `fade` the waves of
    frequency f are (f / lowest)^-fade high: 0 all alike, 1 all equally steep.
    """

    def __init__(self, frequencies=tuple(math.pi / 2 * f for f in (1, 2, 4, 8, 16)), *, fade=0.0):
        super().__init__()
        self.register_buffer("frequencies", torch.tensor(frequencies, dtype=torch.float32))
        if self.frequencies.ndim != 1 or not torch.isfinite(self.frequencies).all():
            raise ValueError(f"frequencies must be a row of finite numbers; got {frequencies}")
        height = torch.ones_like(self.frequencies)  # [k]
        if fade:
            height = (self.frequencies / self.frequencies.abs().min()).abs() ** -fade
        self.register_buffer("height", height)

    def out_dim(self, d):
        """Features of a point with d coordinates: the width of the layer that follows."""
        return d * (1 + 2 * len(self.frequencies))

    def forward(self, x):
        if x.ndim != 2:
            raise ValueError(f"x must have shape [n, d]; got {list(x.shape)}")
        angle = x[:, :, None] * self.frequencies  # [n, d, k]
        waves = [self.height * angle.sin(), self.height * angle.cos()]
        return torch.cat([x, *(wave.flatten(1) for wave in waves)], dim=1)  # [n, d (1 + 2k)]


class MinibatchStd(nn.Module):
    """x [n, C, ...] -> [n, C + 1, ...]: one more feature, how much the batch varies (Karras et al. 2018).

    The standard deviation over the batch of each feature at each place, averaged to one number, the
    same for all examples. Batches must be all real or all generated, as the trainer's are.
    """

    def forward(self, x):
        if x.ndim < 2:
            raise ValueError(f"x must have shape [n, features, ...]; got {list(x.shape)}")
        variance = x.var(0, unbiased=False)  # [C, ...]
        spread = (variance + 1e-8).sqrt().mean()  # sqrt alone has an infinite slope at 0
        return torch.cat([x, spread.expand(len(x), 1, *x.shape[2:])], dim=1)


class Packed(nn.Module):
    """D that judges m examples at once: x [n, C, ...] -> logits [n] (Lin et al. 2018, PacGAN).

    Each m consecutive examples go to D as one, [n/m, m C, ...]; their one logit stands m times, so
    that every loss works as before. A penalty on slopes belongs on packs: give it `packed.D` and
    `packed.pack(x)`, since through the repeated logits each slope would count m times.
    """

    def __init__(self, D, m):
        super().__init__()
        _positive(m=m)
        self.D, self.m = D, m

    def pack(self, x):
        """m consecutive examples side by side: [n, C, ...] -> [n/m, m C, ...]."""
        if x.ndim < 2 or len(x) % self.m:
            raise ValueError(
                f"a batch [n, C, ...] in packs of m = {self.m} needs n to be a multiple of "
                f"{self.m}; got {list(x.shape)}"
            )
        return x.reshape(len(x) // self.m, self.m * x.shape[1], *x.shape[2:])

    def forward(self, x):
        return self.D(self.pack(x)).repeat_interleave(self.m)  # [n/m] -> [n]


def he_init(net):
    """He et al. 2015: normal weights that keep the size of activations, zero biases."""
    for layer in net.modules():
        if isinstance(layer, nn.Linear):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)


def residual_init(net):
    """Weights that keep the size of activations (He et al. 2015); a block's last convolution 0."""
    for layer in net.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="linear")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    for block in net.modules():
        if isinstance(block, Residual):
            nn.init.kaiming_normal_(block.f[1].weight, a=0.2)
            nn.init.zeros_(block.f[-1].weight)


def dcgan_init(net):
    """Radford et al. 2015: weights normal around 0, batch norm's scale around 1, standard deviation 0.02."""
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(layer.weight, 0.0, 0.02)
        elif isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.weight, 1.0, 0.02)
            nn.init.zeros_(layer.bias)


def _norm_relu(width):
    return [nn.BatchNorm2d(width), nn.ReLU()]


def _kernels(size):
    """Kernel sizes from z to the image; only 4 -> 7 needs another than 4."""
    kernels = {28: (4, 3, 4, 4)} | {4 * 2**k: (4,) * (k + 1) for k in range(1, 6)}
    if size not in kernels:
        built = sorted(kernels)
        raise ValueError(f"the DCGAN pair is built for {built} pixels; got size = {size}")
    return kernels[size]


def _widths(size, width):
    """Widths from 4 pixels up to `size`: each half the one before, down to `width`, at most 512."""
    doublings = (size // 4).bit_length() - 1
    if not 8 <= size <= 128 or size != 4 * 2**doublings:
        raise ValueError(f"the residual pair is built for 8, 16, ... 128 pixels; got size = {size}")
    return [min(width * 2**k, max(512, width)) for k in reversed(range(doublings + 1))]


def _positive(**values):
    for name, value in values.items():
        try:
            n = index(value)
        except TypeError:
            raise TypeError(f"{name} must be a whole number; got {value!r}") from None
        if n < 1:
            raise ValueError(f"{name} must be at least 1; got {n}")


def _expect(name, given, shape):
    if tuple(given.shape[1:]) != tuple(shape) or given.ndim != len(shape) + 1:
        hint = ": add two axes, z[:, :, None, None]" if given.ndim == 2 and len(shape) == 3 else ""
        raise ValueError(
            f"{name} must have shape [n, {', '.join(map(str, shape))}]; got {list(given.shape)}{hint}"
        )
    if not torch.is_floating_point(given):
        raise TypeError(f"{name} must be floating point; got {given.dtype}")
