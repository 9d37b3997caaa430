"""Answers to the exercises of chapter 06: sizes, a convolutional G, a convolutional D."""

import math

import numpy as np
import torch
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm, weight_norm

from ganedu.networks import DCGANDiscriminator, DCGANGenerator

# --------------------------------------- out_size(size, kernel, stride, padding, transposed=False)


def s_formula(size, kernel, stride, padding, transposed=False):
    if transposed:
        return (size - 1) * stride - 2 * padding + kernel
    return (size + 2 * padding - kernel) // stride + 1


def s_counting(size, kernel, stride, padding, transposed=False):
    """Without a formula: put the kernel down and count."""
    if transposed:
        painted = {i * stride + k for i in range(size) for k in range(kernel)}
        return max(painted) + 1 - padding - padding
    return len(range(0, size + 2 * padding - kernel + 1, stride))


def s_ask_torch(size, kernel, stride, padding, transposed=False):
    kind = nn.ConvTranspose1d if transposed else nn.Conv1d
    return kind(1, 1, kernel, stride, padding)(torch.zeros(1, 1, size)).shape[-1]


def s_numpy(size, kernel, stride, padding, transposed=False):
    if transposed:
        return np.int64(stride * (size - 1) + kernel - 2 * padding)
    return int(np.floor((size - kernel + 2 * padding) / stride + 1))


def size_with(forward=None, transposed=None):
    """The right formulas but for one: forward(i, k, s, p) or transposed(i, k, s, p)."""

    def my_out_size(size, kernel, stride, padding, transposed_=False, **named):
        back = named.get("transposed", transposed_)
        wrong = transposed if back else forward
        return (wrong or (lambda *a: s_formula(*a, transposed=back)))(size, kernel, stride, padding)

    return my_out_size


def s_half_done(size, kernel, stride, padding, transposed=False):
    if transposed:
        return None
    return (size + 2 * padding - kernel) // stride + 1


def sizes(forward, transposed):
    def my_out_size(size, kernel, stride, padding, transposed_=False, **named):
        wrong = transposed if named.get("transposed", transposed_) else forward
        return wrong(size, kernel, stride, padding)

    return my_out_size


SIZE_WRONG = [
    ("FLOOR-FORGOTTEN", size_with(forward=lambda i, k, s, p: (i + p - k) / s + 1)),
    (
        "PADDING-IGNORED",
        sizes(lambda i, k, s, p: (i - k) // s + 1, lambda i, k, s, p: i * s - s + k),
    ),
    ("PADDING-ONCE", size_with(transposed=lambda i, k, s, p: i * s - p + k)),
    ("WRONG-VALUE", size_with(forward=lambda i, k, s, p: 14)),
    ("FLOAT-RETURNED", size_with(forward=lambda i, k, s, p: (i + 2 * p - k) // s + 1.0)),
    ("NOT-A-NUMBER", lambda *args, **named: (s_formula(*args, **named),) * 2),
    ("NOT-A-NUMBER", lambda *args, **named: str(s_formula(*args, **named))),
    ("NOTHING-RETURNED", s_half_done),
]

# ------------------------------------------------------------------- generator(z_dim, width)


def dcgan_init(net):
    for layer in net.modules():
        if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
            nn.init.normal_(layer.weight, 0.0, 0.02)
        elif isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.weight, 1.0, 0.02)
            nn.init.zeros_(layer.bias)
    return net


def up(n_in, n_out):
    return nn.ConvTranspose2d(n_in, n_out, 4, 2, 1, bias=False)


def g_layers(z_dim, width, act=nn.ReLU, norm=nn.BatchNorm2d, last=nn.Tanh):
    return [
        nn.ConvTranspose2d(z_dim, 2 * width, 7, 1, 0, bias=False),
        norm(2 * width),
        act(),
        up(2 * width, width),
        norm(width),
        act(),
        up(width, 1),
        last(),
    ]


def g_sequential(z_dim, width):
    net = nn.Sequential(*g_layers(z_dim, width))
    net.apply(lambda layer: dcgan_init(layer) if not list(layer.children()) else None)
    return net


class Upsampler(nn.Module):
    """A linear layer opens z; upsampling and convolution instead of transposed convolution."""

    def __init__(self, z_dim, width):
        super().__init__()
        self.width = width
        self.open = nn.Linear(z_dim, 2 * width * 49)
        self.norm1, self.norm2 = nn.BatchNorm2d(2 * width), nn.BatchNorm2d(width)
        self.conv1 = nn.Conv2d(2 * width, width, 3, padding=1)
        self.conv2 = nn.Conv2d(width, 1, 3, padding=1)
        dcgan_init(self)

    def forward(self, z):
        h = self.open(z.flatten(1)).view(-1, 2 * self.width, 7, 7)
        h = nn.functional.interpolate(self.norm1(h).relu(), scale_factor=2)
        h = nn.functional.interpolate(self.norm2(self.conv1(h)).relu(), scale_factor=2)
        return torch.tanh(self.conv2(h))


class WithBlocks(nn.Module):
    """Four layers, SiLU, 2 sigmoid - 1 for tanh, batch norm's gamma left at 1."""

    def __init__(self, z_dim, width):
        super().__init__()
        sizes = [(z_dim, 4 * width, 4, 1, 0), (4 * width, 2 * width, 4, 1, 0)]
        sizes += [(2 * width, width, 4, 2, 1)]
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.ConvTranspose2d(*size, bias=False), nn.BatchNorm2d(size[1]), nn.SiLU())
            for size in sizes
        )
        self.last = nn.ConvTranspose2d(width, 1, 4, 2, 1)
        for p in self.parameters():
            if p.ndim == 4:
                p.data = 0.02 * torch.randn_like(p)

    def forward(self, z):
        for block in self.blocks:
            z = block(z)
        return 2 * self.last(z).sigmoid() - 1


def g_xavier(z_dim, width):
    """Another sane start than DCGAN's."""
    net = nn.Sequential(*g_layers(z_dim, width))
    for layer in net:
        if isinstance(layer, nn.ConvTranspose2d):
            nn.init.xavier_normal_(layer.weight)
    return net


def g_kaiming_no_norm(z_dim, width):
    layers = [layer for layer in g_layers(z_dim, width) if not isinstance(layer, nn.BatchNorm2d)]
    net = nn.Sequential(*layers)
    for layer in net:
        if isinstance(layer, nn.ConvTranspose2d):
            fan_in = layer.weight.shape[0] * (1 if layer.stride == (1, 1) else 4)
            nn.init.normal_(layer.weight, 0.0, math.sqrt(1 / fan_in))
    return net


def g_no_norm(z_dim, width):
    """DCGAN's start without batch norm: right by the text, and its first pictures are flat."""
    layers = [layer for layer in g_layers(z_dim, width) if not isinstance(layer, nn.BatchNorm2d)]
    return dcgan_init(nn.Sequential(*layers))


class Residual(nn.Module):
    """Residual blocks, nearest-neighbour upsampling, the pixel's layer a plain convolution."""

    def __init__(self, z_dim, width):
        super().__init__()
        self.open = nn.ConvTranspose2d(z_dim, width, 7)
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for _ in range(3))
        self.convs = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in range(2))
        self.last = nn.Conv2d(width, 1, 3, padding=1)
        dcgan_init(self)

    def forward(self, z):
        x = self.open(z)
        for norm, conv in zip(self.norms, self.convs):
            x = nn.functional.interpolate(x, scale_factor=2)
            x = x + conv(torch.relu(norm(x)))
        return torch.tanh(self.last(torch.relu(self.norms[2](x))))


def weight_normed(net):
    for i, layer in enumerate(net):
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            net[i] = weight_norm(layer)
    return net


def g_changed(change):
    """DCGAN's layers, changed by change(list of layers), then initialised."""

    def my_generator(z_dim, width):
        return dcgan_init(nn.Sequential(*change(g_layers(z_dim, width))))

    return my_generator


class GWrap(nn.Module):
    """A right G whose forward is wrapped: forward(net, z)."""

    def __init__(self, z_dim, width, how):
        super().__init__()
        self.net, self.how = dcgan_init(nn.Sequential(*g_layers(z_dim, width))), how

    def forward(self, z):
        return self.how(self.net, z)


def g_wrapped(how):
    return lambda z_dim, width: GWrap(z_dim, width, how)


def g_with_norm(norm):
    return lambda z_dim, width: dcgan_init(nn.Sequential(*g_layers(z_dim, width, norm=norm)))


def without(kind):
    return lambda layers: [layer for layer in layers if not isinstance(layer, kind)]


class GInitNeverCalled(nn.Module):
    def __init__(self, z_dim, width):
        super().__init__()
        self.net = nn.Sequential(*g_layers(z_dim, width))

    def init_weights(self):
        dcgan_init(self)

    def forward(self, z):
        return self.net(z)


def g_init(std=0.02, mean=0.0, gamma=1.0):
    def my_generator(z_dim, width):
        net = nn.Sequential(*g_layers(z_dim, width))
        for layer in net.modules():
            if isinstance(layer, nn.ConvTranspose2d):
                nn.init.normal_(layer.weight, mean, std)
            elif isinstance(layer, nn.BatchNorm2d):
                nn.init.normal_(layer.weight, gamma, 0.02)
        return net

    return my_generator


def g_zeros(z_dim, width):
    net = nn.Sequential(*g_layers(z_dim, width))
    for p in net.parameters():
        nn.init.zeros_(p)
    return net


class GOwnNoise(nn.Module):
    def __init__(self, z_dim, width):
        super().__init__()
        self.z_dim, self.net = z_dim, dcgan_init(nn.Sequential(*g_layers(z_dim, width)))

    def forward(self, z):
        return self.net(torch.randn(len(z), self.z_dim, 1, 1))


class GFlat(nn.Module):
    """One grey value for the whole picture."""

    def __init__(self, z_dim, width):
        super().__init__()
        self.net = dcgan_init(nn.Sequential(nn.Conv2d(z_dim, width, 1), nn.ReLU()))
        self.last = dcgan_init(nn.Conv2d(width, 1, 1))

    def forward(self, z):
        return torch.tanh(self.last(self.net(z))).expand(-1, 1, 28, 28)


class GNoForward(nn.Module):
    def __init__(self, z_dim, width):
        super().__init__()
        self.net = dcgan_init(nn.Sequential(*g_layers(z_dim, width)))

    def foward(self, z):
        return self.net(z)


class GNoSuper(nn.Module):
    def __init__(self, z_dim, width):
        self.net = nn.Sequential(*g_layers(z_dim, width))


class GUpsampleSequentialMLP(nn.Module):
    """No convolution at all."""

    def __init__(self, z_dim, width):
        super().__init__()
        self.net = nn.Sequential(
            nn.Flatten(), nn.Linear(z_dim, 16 * width), nn.ReLU(), nn.Linear(16 * width, 784)
        )
        dcgan_init(self)

    def forward(self, z):
        return torch.tanh(self.net(z)).view(-1, 1, 28, 28)


class GList(nn.Module):
    """Layers from `hidden` on in a plain list, which hides them from `parameters()`."""

    def __init__(self, z_dim, width, hidden=0):
        super().__init__()
        layers = [dcgan_init(layer) for layer in g_layers(z_dim, width)]
        self.first, self.rest = nn.Sequential(*layers[:hidden]), layers[hidden:]

    def forward(self, z):
        z = self.first(z)
        for layer in self.rest:
            z = layer(z)
        return z


class GBuiltInForward(nn.Module):
    def __init__(self, z_dim, width):
        super().__init__()
        self.sizes = z_dim, width

    def forward(self, z):
        return g_sequential(*self.sizes)(z)


class Kernel(nn.Module):
    """A convolution written by hand."""

    def __init__(self, operation, *shape, **how):
        super().__init__()
        self.operation, self.how = operation, how
        self.w = nn.Parameter(0.02 * torch.randn(shape))

    def forward(self, x):
        return self.operation(x, self.w, **self.how)


def g_by_hand(z_dim, width):
    turned = nn.functional.conv_transpose2d
    return nn.Sequential(
        Kernel(turned, z_dim, 2 * width, 7, 7),
        *g_layers(z_dim, width)[1:3],
        Kernel(turned, 2 * width, width, 4, 4, stride=2, padding=1),
        *g_layers(z_dim, width)[4:6],
        Kernel(turned, width, 1, 4, 4, stride=2, padding=1),
        nn.Tanh(),
    )


G_WRONG = [
    ("DEAD-Z", g_wrapped(lambda net, z: net(torch.zeros_like(z)))),
    ("BATCHNORM-GAMMA-ZERO", g_zeros),
    ("OWN-Z", GOwnNoise),
    ("FLAT-IMAGE", GFlat),
    ("LINEAR-NET", g_changed(without((nn.ReLU, nn.BatchNorm2d)))),
    ("SIGMOID-FOR-TANH", g_wrapped(lambda net, z: (net(z) + 1) / 2)),
    ("RANGE-MISMATCH", g_changed(lambda layers: [*layers[:-1], nn.ReLU()])),
    ("INIT-UNUSED", GInitNeverCalled),
    ("INIT-SCALE", g_init(std=1.0, mean=0.02)),
    ("SHAPE", lambda z_dim, width: DCGANGenerator(32, 1, width, z_dim)),
    ("NOT-CONVOLUTIONAL", GUpsampleSequentialMLP),
    ("FORWARD-MISSING", GNoForward),
    ("SUPER-MISSING", GNoSuper),
    ("NOT-A-MODULE", lambda z_dim, width: g_layers(z_dim, width)),
    ("NOTHING-RETURNED", lambda z_dim, width: None),
    ("NOT-FINITE", g_wrapped(lambda net, z: net(z) / 0 * 0)),
    ("UNREGISTERED", GList),
    ("BUILT-IN-FORWARD", GBuiltInForward),
    ("NO-GRADIENT", g_wrapped(lambda net, z: net(z).detach())),
    ("EXAMPLES-MIXED", g_wrapped(lambda net, z: net(z).flip(0))),
    ("WIDTH-ELSEWHERE", lambda z_dim, width: g_sequential(z_dim, width // 2)),
]

# ---------------------------------------------------------------------- discriminator(width)


def down(n_in, n_out):
    return nn.Conv2d(n_in, n_out, 4, 2, 1, bias=False)


def leaky():
    return nn.LeakyReLU(0.2)


def d_layers(width, act=leaky, norm=nn.BatchNorm2d):
    return [
        down(1, width),
        act(),
        down(width, 2 * width),
        norm(2 * width),
        act(),
        nn.Conv2d(2 * width, 1, 7, bias=False),
        nn.Flatten(0),
    ]


def d_sequential(width):
    return dcgan_init(nn.Sequential(*d_layers(width)))


class DClass(nn.Module):
    """Three convolutions, a pooling, a linear layer; ReLU; biases."""

    def __init__(self, width):
        super().__init__()
        self.conv1 = nn.Conv2d(1, width, 5, stride=2, padding=2)
        self.conv2 = nn.Conv2d(width, 2 * width, 5, stride=2, padding=2)
        self.conv3 = nn.Conv2d(2 * width, 4 * width, 3, padding=1)
        self.norm = nn.BatchNorm2d(4 * width)
        self.pool = nn.AvgPool2d(7)
        self.out = nn.Linear(4 * width, 1)
        dcgan_init(self)

    def forward(self, x):
        h = nn.functional.leaky_relu(self.conv1(x), 0.2)
        h = torch.relu(self.conv2(h))
        h = torch.relu(self.norm(self.conv3(h)))
        return self.out(self.pool(h).flatten(1)).squeeze(1)


def d_spectral(width):
    """Spectral norm instead of batch norm, another activation."""
    layers = d_layers(width, act=nn.SiLU, norm=lambda n: nn.Identity())
    net = dcgan_init(nn.Sequential(*layers))
    for i, layer in enumerate(net):
        if isinstance(layer, nn.Conv2d):
            net[i] = spectral_norm(layer)
    return net


def d_orthogonal(width):
    net = nn.Sequential(*d_layers(width, norm=lambda n: nn.GroupNorm(1, n)))
    for layer in net:
        if isinstance(layer, nn.Conv2d):
            nn.init.orthogonal_(layer.weight)
    return net


def d_dropout(width):
    layers = d_layers(width)
    return dcgan_init(nn.Sequential(*layers[:2], nn.Dropout2d(0.25), *layers[2:]))


def d_changed(change):
    return lambda width: dcgan_init(nn.Sequential(*change(d_layers(width))))


class DWrap(nn.Module):
    def __init__(self, width, how):
        super().__init__()
        self.net, self.how = d_sequential(width), how

    def forward(self, x):
        return self.how(self.net, x)


def d_wrapped(how):
    return lambda width: DWrap(width, how)


class DNoForward(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.net = d_sequential(width)


class DMLP(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(784, 8 * width), leaky(), nn.Linear(8 * width, 1))
        dcgan_init(self)

    def forward(self, x):
        return self.net(x.flatten(1)).squeeze(1)


def d_by_hand(width):
    conv, bend = nn.functional.conv2d, d_layers(width)
    return nn.Sequential(
        Kernel(conv, width, 1, 4, 4, stride=2, padding=1),
        bend[1],
        Kernel(conv, 2 * width, width, 4, 4, stride=2, padding=1),
        *bend[3:5],
        Kernel(conv, 1, 2 * width, 7, 7),
        bend[-1],
    )


class DWithSpread(nn.Module):
    """Minibatch standard deviation between the layers: examples may meet there."""

    def __init__(self, width):
        super().__init__()
        self.first = nn.Sequential(down(1, width), leaky(), down(width, 2 * width), leaky())
        self.last = nn.Conv2d(2 * width + 1, 1, 7)
        dcgan_init(self)

    def forward(self, x):
        h = self.first(x)
        spread = h.var(0, correction=0).add(1e-8).sqrt().mean().expand(len(x), 1, 7, 7)
        return self.last(torch.cat([h, spread], 1)).flatten()


class DBranches(nn.Module):
    """Two convolutions side by side, and a shortcut."""

    def __init__(self, width):
        super().__init__()
        self.first, self.shortcut = nn.Conv2d(1, width, 4, 2, 1), nn.Conv2d(width, width, 1)
        self.left, self.right = (nn.Conv2d(width, width, 3, padding=1) for _ in "ab")
        self.out = nn.Linear(width, 1)
        dcgan_init(self)

    def forward(self, x):
        h = nn.functional.leaky_relu(self.first(x), 0.2)
        h = self.right(nn.functional.leaky_relu(self.left(h), 0.2)) + self.shortcut(h)
        return self.out(nn.functional.leaky_relu(h, 0.2).mean((2, 3)))[:, 0]


D_WRONG = [
    ("SHAPE", d_wrapped(lambda net, x: net(x).squeeze())),
    ("FINAL-SIGMOID", d_wrapped(lambda net, x: net(x).sigmoid())),
    ("LINEAR-NET", d_changed(without((nn.LeakyReLU, nn.BatchNorm2d)))),
    ("DEAD-X", d_wrapped(lambda net, x: net(torch.zeros_like(x)))),
    ("BLIND-SPOT", d_wrapped(lambda net, x: net(nn.functional.pad(x[:, :, :14], (0, 0, 0, 14))))),
    ("SHAPE", d_changed(lambda layers: layers[:-1])),
    ("NOT-CONVOLUTIONAL", DMLP),
    ("FORWARD-MISSING", DNoForward),
    ("NOT-A-MODULE", lambda width: DCGANDiscriminator),
    ("NOTHING-RETURNED", lambda width: None),
    ("NOT-FINITE", d_wrapped(lambda net, x: net(x).log())),
    ("EXAMPLES-MIXED", d_wrapped(lambda net, x: net(x).mean().expand(len(x)))),
    ("NO-GRADIENT", d_wrapped(lambda net, x: net(x.detach()))),
    ("LEFT-FROZEN", lambda width: d_sequential(width).requires_grad_(False)),
    ("WIDTH-ELSEWHERE", lambda width: d_sequential(2 * width)),
]

RIGHT = {
    "out_size": [s_formula, s_counting, s_ask_torch, s_numpy],
    "generator": [
        g_sequential,
        Upsampler,
        WithBlocks,
        lambda z_dim, width: DCGANGenerator(28, 1, width, z_dim),
        g_xavier,
        g_kaiming_no_norm,
        g_no_norm,
        Residual,
        lambda z_dim, width: weight_normed(g_sequential(z_dim, width)),
        g_with_norm(lambda n: nn.Sequential(nn.BatchNorm2d(n), nn.Dropout2d(0.2))),
        g_with_norm(nn.InstanceNorm2d),
        g_by_hand,
        lambda z_dim, width: dcgan_init(nn.Sequential(*g_layers(z_dim, width, nn.Softplus))),
    ],
    "discriminator": [
        d_sequential,
        DClass,
        d_spectral,
        d_orthogonal,
        d_dropout,
        lambda width: weight_normed(d_sequential(width)),
        lambda width: DCGANDiscriminator(28, 1, width),
        d_by_hand,
        DWithSpread,
        DBranches,
    ],
}
RIGHT["turn_shapes"] = [lambda: (4, 2, 1), lambda: (2, 2, 0), lambda: [torch.tensor(6), 2, 2]]
RIGHT["turn_range"] = [
    lambda p: 2 * p - 1,
    lambda p: (p - 0.5) / 0.5,
    lambda p: torch.lerp(-torch.ones_like(p), torch.ones_like(p), p),
]
LAYER_WRONG = [
    ("NO-SUCH-LAYER", lambda: (2.5, 2, 0)),
    ("STRIDE-ONE", lambda: (3, 1, 1)),
    ("OTHER-ORDER", lambda: (1, 2, 4)),
    ("OTHER-ORDER", lambda: (1, 4, 2)),
    ("NOTHING-CUT", lambda: (4, 2, 0)),
    ("TOO-LARGE", lambda: (4, 3, 1)),
    ("TOO-SMALL", lambda: (3, 2, 1)),
    ("NOT-A-PAIR", lambda: 4),
]
RANGE_WRONG = [
    ("NOT-MOVED", lambda p: p / 0.5),
    ("NOT-WIDENED", lambda p: p - torch.ones_like(p)),
    ("HALF-RANGE", lambda p: (2 * p - 1) / 2),
    ("TURNED", lambda p: 2 * (0.5 - p)),
    ("BYTES", lambda p: 2 * p / 255 - 1),
    ("AS-IT-WAS", lambda p: p.clone()),
    ("STANDARDISED", lambda p: (p - p.mean()) / p.std()),
    ("SHAPE", lambda p: (2 * p - 1).flatten()),
]
WRONG = {
    "out_size": SIZE_WRONG,
    "generator": G_WRONG,
    "discriminator": D_WRONG,
    "turn_shapes": LAYER_WRONG,
    "turn_range": RANGE_WRONG,
}
