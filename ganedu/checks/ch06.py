"""Chapter 06: sizes of convolutions, a convolutional generator, a convolutional discriminator.

A network may be built in any way (a class, nn.Sequential, convolutions written by hand): what it does is
tried, on batches and on single pictures, while each layer with weights is noted as it runs. On
initial weights: DCGAN's, standard deviation 0.02, is what the exercise asks for; another explicit start of a
sensible scale passes with a remark; torch's own default, which is what is there when nobody
called an init, does not.
"""

import math
from collections import namedtuple
from itertools import permutations

import numpy as np
import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from ganedu.checks.exercise import Case, Exercise, Part, Probe, asks
from ganedu.checks.probes import near, number, seeded, several, tensor
from ganedu.checks.words import Misconception

# ---- 06.out_size: my_out_size(size, kernel, stride, padding, transposed=False) -> int -------------


def twice(p):
    return 2 * p


def floor(a, s):
    return a // s


def ahead(i, k, s, p, *, pad=twice, divide=floor, count=lambda moves: moves + 1):
    return count(divide(i + pad(p) - k, s))


def back(i, k, s, p, *, gaps=lambda i: i - 1, cut=twice, stamp=lambda k: k):
    return gaps(i) * s - cut(p) + stamp(k)


def size_after(
    size,
    kernel,
    stride,
    padding,
    transposed=False,
    *,
    pad=twice,
    divide=floor,
    count=lambda moves: moves + 1,
    gaps=lambda i: i - 1,
    cut=twice,
    stamp=lambda k: k,
    forward=ahead,
    backward=back,
):
    if transposed:
        return backward(size, kernel, stride, padding, gaps=gaps, cut=cut, stamp=stamp)
    return forward(size, kernel, stride, padding, pad=pad, divide=divide, count=count)


pad, divide, count, gaps, cut, stamp, forward, backward = Part.of(size_after)


def formula(part, *rules):
    """Rules (i, k, s, p) in the place of a whole formula."""
    return part(*(lambda i, k, s, p, rule=rule, **how: rule(i, k, s, p) for rule in rules))


def sizes_right(ask, *_):
    """Are all sizes right, so that only their type is not?"""
    calls = [(*call, way) for call in QUADRUPLES for way in (False, True)]
    return all(near(ask(*call), float(size_after(*call))) for call in calls)


QUADRUPLES = [(28, 4, 2, 1), (7, 7, 1, 0), (9, 3, 2, 0), (10, 4, 3, 2), (6, 4, 3, 1), (5, 2, 2, 0)]
SIZE_MISTAKES = {
    "FLOOR-FORGOTTEN": divide(lambda a, s: a / s),
    "ROUNDED-UP": (
        *divide(lambda a, s: -(-a // s)),
        *formula(forward, lambda i, k, s, p: -(-i // s)),
    ),
    "ROUNDED-TO-NEAREST": divide(lambda a, s: round(a / s), lambda a, s: int(a / s + 0.5)),
    "STRIDE-ONLY": (
        *formula(forward, lambda i, k, s, p: i // s),
        *formula(backward, lambda i, k, s, p: i * s),
    ),
    "PADDING-ONCE": (*pad(lambda p: p), *cut(lambda p: p)),
    "PADDING-SIGN": (*pad(lambda p: -2 * p), *cut(lambda p: -2 * p)),
    "PADDING-IGNORED": (*pad(lambda p: 0), *cut(lambda p: 0)),
    "OFF-BY-ONE": (
        *count(lambda moves: moves, lambda moves: moves + 2),
        *formula(
            forward,
            lambda i, k, s, p: (i + 2 * p - k + 1) // s,
            lambda i, k, s, p: (i + 2 * p - k + 1) // s + 1,
        ),
        *gaps(lambda i: i, lambda i: i + 1),
        *stamp(lambda k: k - 1, lambda k: k + 1),
    ),
    "STRIDE-IGNORED": (
        *divide(lambda a, s: a),
        *formula(backward, lambda i, k, s, p: i - 1 - 2 * p + k),
    ),
    "STRIDE-SIGN": divide(lambda a, s: a * s),
    "KERNEL-IGNORED": (
        *formula(
            forward,
            lambda i, k, s, p: (i + 2 * p) // s + 1,
            lambda i, k, s, p: (i + 2 * p) // s,
            lambda i, k, s, p: (i + 2 * p - 1) // s + 1,
        ),
        *stamp(lambda k: 0, lambda k: 1),
        *formula(backward, lambda i, k, s, p: i * s - 2 * p),
    ),
    "KERNEL-SIGN": (
        *formula(forward, lambda i, k, s, p: (i + 2 * p + k) // s + 1),
        *stamp(lambda k: -k),
    ),
    "BRACKETS": (
        *formula(
            forward,
            lambda i, k, s, p: i + 2 * p - k // s + 1,
            lambda i, k, s, p: (i + 2 * p) // s - k + 1,
            lambda i, k, s, p: i + (2 * p - k) // s + 1,
            lambda i, k, s, p: (i + 2 * p - k) // (s + 1),
        ),
        *formula(
            backward,
            lambda i, k, s, p: i - s - 2 * p + k,
            lambda i, k, s, p: (i - 1 - 2 * p) * s + k,
            lambda i, k, s, p: (i - 1 - 2 * p + k) * s,
            lambda i, k, s, p: (i - 1 + k) * s - 2 * p,
        ),
    ),
    "FORWARD-AS-TRANSPOSED": formula(forward, back),
    "TRANSPOSED-AS-FORWARD": formula(backward, ahead),
    "DIRECTIONS-SWAPPED": (
        {
            "forward": formula(forward, back)[0]["forward"],
            "backward": formula(backward, ahead)[0]["backward"],
        },
    ),
    "FLOAT-RETURNED": (asks(sizes_right),),
}


class Size(float):
    """A size, and whether it is a whole number by type."""

    whole = True


def play_size(answer, case):
    *call, transposed = case.args
    given = answer(*call, transposed=True) if transposed else answer(*call)
    size = Size(number(given, "What you return"))
    size.whole = isinstance(given, int | np.integer) or "int" in str(getattr(given, "dtype", ""))
    return size


def size_cases(seed):
    """Ordinary and transposed layers in turn, one first whose stride does not divide."""
    rng = np.random.default_rng(seed)
    cases = [(10, 3, 2, 0, False), (11, 3, 3, 0, True), (14, 3, 3, 1, False), (9, 5, 3, 2, True)]
    cases += [(28, 4, 2, 1, False), (7, 4, 2, 1, True), (7, 7, 1, 0, False), (1, 7, 1, 0, True)]
    while len(cases) < 44:
        i, k, s, p = (int(rng.integers(*span)) for span in ((5, 15), (1, 6), (1, 4), (0, 3)))
        cases.append((i, k, s, p, len(cases) % 2 == 1))
    says = "size {}, kernel {}, stride {}, padding {}"
    return [
        Case(says.format(*case[:4]) + (", transposed" if case[4] else ""), case) for case in cases
    ]


out_size = Exercise(
    "06.out_size",
    size_after,
    SIZE_MISTAKES,
    size_cases,
    observe=play_size,
    same=lambda a, b, tolerance: near(a, b, tolerance) and a.whole == b.whole,
    alike=near,
    what="your size",
)


# ---- building, calling and watching networks -----------------------------------------------------

Z_DIM, WIDTH, N = 12, 8, 16
SHAPE_WORDS = (
    "shape", "size", "channels", "dimension", "Expected 3D", "running_mean", "must match", "Given groups",
)  # fmt: skip
LAYERS = ("conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "linear")
Ran = namedtuple("Ran", "kind weight x out")  # a layer as it ran: "w" with weights, "n" batch norm


class Watch(TorchFunctionMode):
    """Notes each layer with weights of its own and each batch norm, in the order in which they run.

    `instead` = (k, out) puts `out` in the place of what the k-th layer with weights gives.
    """

    def __init__(self, instead=None):
        super().__init__()
        self.ran, self.instead = [], instead

    def __torch_function__(self, function, types, args=(), kwargs=None):
        out = function(*args, **(kwargs or {}))
        name = getattr(function, "__name__", "")
        weight = args[1] if len(args) > 1 else (kwargs or {}).get("weight")
        if name in LAYERS and isinstance(weight, torch.Tensor) and weight.requires_grad:
            if self.instead and len(self.layers()) == self.instead[0]:
                out = self.instead[1](out)
            self.ran.append(Ran("w", weight, args[0] if args else kwargs["input"], out))
        elif name == "batch_norm":
            self.ran.append(Ran("n", None, args[0], out))
        return out

    def layers(self):
        return [layer for layer in self.ran if layer.kind == "w"]

    def order(self):
        return "".join(layer.kind for layer in self.ran)


def watched(net, x, instead=None):
    """(net(x), the watch that saw it)."""
    with Watch(instead) as watch:
        out = net(x)
    return out, watch


def built(answer, *args):
    """A new network from the answer, or a Misconception that says why there is none."""
    try:
        net = answer(*args)
    except AttributeError as error:
        if "before Module.__init__" not in str(error):
            raise
        return Misconception("SUPER-MISSING")
    if net is None:
        return Misconception("NOTHING-RETURNED", what="What your function returned")
    if isinstance(net, nn.Module):
        return net
    if isinstance(net, type):
        return Misconception("NOT-A-MODULE/class", kind=net.__name__)
    tensor = isinstance(net, torch.Tensor)
    return Misconception(
        "NOT-A-MODULE/tensor" if tensor else "NOT-A-MODULE", kind=type(net).__name__
    )


def shaped(net, x, shape):
    """None where net(x) is a finite tensor of this shape, or a Misconception."""
    try:
        out = net(x)
    except NotImplementedError as error:
        if "forward" not in str(error):
            raise
        return Misconception("FORWARD-MISSING", kind=type(net).__name__)
    except (RuntimeError, ValueError, IndexError) as error:
        said = str(error).split("\n")[0]
        if not any(word in said for word in SHAPE_WORDS):
            raise
        return Misconception("SHAPE/stopped", given=list(x.shape), said=said)
    if not isinstance(out, torch.Tensor):
        return Misconception(
            "NOT-A-TENSOR", what="What your network returns", kind=type(out).__name__
        )
    if tuple(out.shape) != shape:
        sizes = {"given": list(x.shape), "shape": list(out.shape), "wanted": list(shape)}
        return Misconception("SHAPE", **sizes)
    what = "What your untrained network returns"
    return (
        None if out.isfinite().all() else Misconception("NOT-FINITE", what=what, got="inf or NaN")
    )


def unknown_layers(net, x):
    """Layers that no optimiser would find, none that convolves, or weights that cannot learn."""
    layers, again = watched(net, x)[1].layers(), watched(net, x)[1].layers()
    known = {id(p) for p in [*net.parameters(), *net.buffers()]}
    strange = [it for it in layers if it.weight.is_leaf and id(it.weight) not in known]
    if strange:
        kept = {id(it.weight) for it in again} & {id(it.weight) for it in strange}
        return Misconception(
            "UNREGISTERED" if kept else "BUILT-IN-FORWARD", count=len(strange), all=len(layers)
        )
    frozen = [name for name, p in net.named_parameters() if not p.requires_grad]
    if frozen:
        return Misconception("LEFT-FROZEN", name=frozen[0], count=len(frozen))
    if not any(it.weight.ndim == 4 for it in layers) and not any(
        p.ndim == 4 for p in net.parameters()
    ):
        return Misconception("NOT-CONVOLUTIONAL")
    return None


def width_ignored(small, large):
    count = [sum(p.numel() for p in net.parameters()) for net in (small, large)]
    if count[0] == count[1]:
        return Misconception("WIDTH-IGNORED", small=WIDTH, large=2 * WIDTH, count=count[0])
    return None


def norms(net):
    return [m for m in net.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]


def wrong_norm(net):
    """Batch norm's scale gamma starts near 1, and its eps is tiny."""
    eps = max([m.eps for m in norms(net)], default=0)
    if eps > 0.01:
        return Misconception("BATCHNORM-EPS", eps=eps)
    gammas = [m.weight.detach().abs().mean().item() for m in norms(net) if m.affine]
    if gammas and min(gammas) < 0.5:
        return Misconception("BATCHNORM-GAMMA-ZERO", gamma=min(gammas))
    return None


def without_gradient(net, x):
    """Does the loss's gradient reach every layer that has run, and x? None, or a Misconception."""
    x = x.clone().requires_grad_()
    out, watch = watched(net, x)
    if not out.requires_grad:
        return Misconception("NO-GRADIENT")
    wanted = [x, *(layer.out for layer in watch.layers())]
    weighting = torch.randn(out.shape, generator=seeded(0))
    found = torch.autograd.grad((out * weighting).sum(), wanted, allow_unused=True)
    return Misconception("NO-GRADIENT") if any(g is None for g in found) else None


def mixed(net, x):
    """Is what belongs to one example made of others too, before the first layer or after the last?"""
    if draws(net, x):
        return None
    net.eval()
    whole, seen = watched(net, x)
    for i in (0, len(x) - 1):
        one, alone = watched(net, x[i : i + 1])
        if not (seen.layers() and alone.layers()):
            return None
        if near(one[0], whole[i], 1e-3):
            continue
        if not near(seen.layers()[0].x[i], alone.layers()[0].x[0], 1e-3):
            return Misconception("EXAMPLES-MIXED/before")
        if near(seen.layers()[-1].out[i], alone.layers()[-1].out[0], 1e-3):
            return Misconception("EXAMPLES-MIXED")
    return None


def merging(net, x):
    """Two layers with nothing between them that bends, so that they merge into one."""
    net.eval()
    count = len(watched(net, x)[1].layers())
    for k in range(count - 1):
        if straight(net, x, k):
            return Misconception("LINEAR-NET", first=k + 1, second=k + 2)
    return Misconception("LINEAR-NET/one") if count == 1 else None


def straight(net, x, k):
    """Is what layer k + 1 is given an affine function of what layer k gives?"""
    rng = seeded(k)

    def given(out):
        return watched(net, x, (k, lambda _: out))[1].layers()[k + 1].x.detach()

    shape = watched(net, x)[1].layers()[k].out.shape
    a, b = (3 * torch.randn(shape, generator=rng) for _ in "ab")
    ends, middle = [given(a), given(b)], given((a + b) / 2)
    if near(*ends, 1e-6):
        return False  # it does not depend on it: they stand side by side
    bend = (middle - sum(ends) / 2).norm()
    return bool(bend < 0.005 * (ends[0] - ends[1]).norm())


# ---- initial weights -----------------------------------------------------------------------------


def weights_of(net):
    """The weights of convolutions and linear layers by name: all parameters of 2 axes or more."""
    return {name: p.detach() for name, p in net.named_parameters() if p.ndim >= 2}


def wrong_start(nets):
    """The initial weights of the same network at two widths: a Misconception or None.

    Left out are tensors too small to judge, and the lengths that weight norm keeps apart.
    """
    weights = [weights_of(net) for net in nets]
    names = judged_weights(weights[0])
    default = [n for n in names if all(n in w and is_default(w[n]) for w in weights)]
    if default:
        std = weights[0][default[0]].std()
        facts = {"name": default[0], "std": std, "count": len(default), "all": len(names)}
        return Misconception("INIT-UNUSED", **facts)
    for name in names:
        w = weights[0][name]
        if not is_sane(w, fan_in(nets[0], name, w)):
            return Misconception("INIT-SCALE", name=name, mean=w.mean(), std=w.std())
    return None


def judged_weights(weights):
    return [name for name, w in weights.items() if w[0].numel() > 1 and w.numel() >= 32]


def is_default(w):
    """Uniform within 1 / sqrt(fan_in), as torch's layers start."""
    bound = 1 / math.sqrt(w[0].numel())
    even = w.abs().max() < 1.9 * w.std()
    return bool(even and w.abs().max() <= 1.001 * bound and w.std() > 0.85 * bound / math.sqrt(3))


def fan_in(net, name, w):
    """How many numbers add up to one; for a transposed convolution at least its channels."""
    owner = net.get_submodule(name.rpartition(".")[0])
    return w.shape[0] if isinstance(owner, nn.modules.conv._ConvTransposeNd) else w[0].numel()


def is_sane(w, fan_in):
    """Zero mean, and DCGAN's scale or one between a quarter of torch's default and twice He's."""
    std, mean = w.std().item(), w.mean().item()
    if abs(mean) > (0.2 + 4 / math.sqrt(w.numel())) * std:
        return False
    low = 0.25 * math.sqrt(1 / (3 * max(w[0].numel(), w[:, 0].numel())))
    return 0.012 < std < 0.03 or low < std < 2 * math.sqrt(2 / fan_in)


def another_start(net):
    """Do the weights start at another scale than DCGAN's?"""
    weights = weights_of(net)
    return any(not 0.01 < weights[name].std() < 0.04 for name in judged_weights(weights))


# ---- 06.generator: my_generator(z_dim, width) -> Module ------------------------------------------


def layers_of_g(z_dim, width, norm=nn.BatchNorm2d, act=nn.ReLU, last=nn.Tanh):
    return [
        nn.ConvTranspose2d(z_dim, 2 * width, 7, bias=False), norm(2 * width), act(),
        nn.ConvTranspose2d(2 * width, width, 4, 2, 1, bias=False), norm(width), act(),
        nn.ConvTranspose2d(width, 1, 4, 2, 1, bias=False), last(),
    ]  # fmt: skip


def start(net, std=0.02, gamma=1.0):
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(layer.weight, 0.0, std)
        elif isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.weight, gamma, 0.02)
    return net


def generator(z_dim, width, *, layers=layers_of_g, init=start):
    return init(nn.Sequential(*layers(z_dim, width)))


def judge_generator(answer, seed):
    torch.manual_seed(seed)
    nets = [
        built(answer, *size)
        for size in ((Z_DIM, WIDTH), (Z_DIM + 3, WIDTH), (Z_DIM + 3, 2 * WIDTH))
    ]
    found = next((net for net in nets if isinstance(net, Misconception)), None)
    if found:
        return found
    net, z = nets[0], torch.randn(N, Z_DIM, 1, 1)
    found = shaped(net, z, (N, 1, 28, 28))
    if found and found.code == "SHAPE/stopped" and takes(net, torch.randn(N, 100, 1, 1)):
        return Misconception("Z-DIM-IGNORED", z_dim=Z_DIM)
    return (
        found
        or unknown_layers(net, z)
        or wrong_norm(net)
        or dead(net, z)
        or edge_of_g(net, z)
        or width_ignored(*nets[1:])
        or width_elsewhere(watched(net, z)[1].layers()[-1:], "x", WIDTH)
        or wrong_start([built(answer, Z_DIM, WIDTH), nets[2]])
        or out_of_range(built(answer, Z_DIM, WIDTH), z)
        or without_gradient(built(answer, Z_DIM, WIDTH), z)
        or merging(built(answer, Z_DIM, WIDTH), z)
        or shaped(net.eval(), z[:1], (1, 1, 28, 28))
        or mixed(net, z)
        or remark_on_g(built(answer, Z_DIM, WIDTH), z)
    )


def takes(net, z):
    try:
        net(z)
    except Exception:
        return False
    return True


def dead(net, z):
    """The same z gives the same pictures; they differ where z differs, by each of its numbers."""
    x = net(z).detach()
    if x.std(dim=0).max() <= 1e-4 * x.abs().max() + 1e-9:
        return Misconception("DEAD-Z/all")
    torch.rand(7)  # moves the global generator on
    if draws(net, z):
        return Misconception("OWN-Z")
    used = sum(moves(net, z, k) for k in range(Z_DIM))
    if used < Z_DIM:
        return Misconception("DEAD-Z", used=used, all=Z_DIM)
    if x.flatten(1).std(dim=1).max() <= 1e-4 * x.abs().max() + 1e-9:
        return Misconception("FLAT-IMAGE")
    return None


def draws(net, x):
    """Does the network draw noise in evaluation mode, where dropout does not?"""
    training = net.training
    one, two = net.eval()(x).detach(), net(x).detach()
    net.train(training)
    return not near(one, two)


def with_noise_of(seed, net, x):
    """net(x), with the same draws on the way each time."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return net(x).detach()


def moves(net, z, k):
    """Does the k-th number of z move the pictures?"""
    other = z.clone()
    other[:, k] = torch.randn(z[:, k].shape, generator=seeded(k))
    return not torch.equal(with_noise_of(k, net, z), with_noise_of(k, net, other))


def edge_of_g(net, z):
    order = watched(net, z)[1].order()
    return Misconception("BATCHNORM-AT-THE-EDGE") if "w" in order and order.endswith("n") else None


def width_elsewhere(layers, side, width):
    """Has the layer as many channels on this side as the text says?"""
    for layer in layers:
        channels = getattr(layer, side).shape[1]
        if layer.weight.ndim == 4 and channels != width:
            return Misconception("WIDTH-ELSEWHERE", width=width, channels=channels)
    return None


def out_of_range(net, z):
    """Turn all weights up until the pictures saturate, and look at the range they fill."""
    low, high = math.inf, -math.inf
    for _ in range(60):
        with torch.no_grad():
            x = net(z).float()
            for p in net.parameters():
                p.mul_(1.2)
        low, high = min(low, x.min().item()), max(high, x.max().item())
        if max(-low, high) > 1.0001 or (x.abs() > 0.999).float().mean() > 0.02:
            break
    span = {"low": low, "high": high}
    if max(-low, high) > 1.0001:
        return Misconception("RANGE-MISMATCH", **span)
    if low >= 0:
        cut = (x == 0).float().mean() > 0.1
        return Misconception("RELU-BEFORE-TANH" if cut else "SIGMOID-FOR-TANH", **span)
    if max(-low, high) < 0.99 or min(-low, high) < 0.5:
        return Misconception("RANGE-MISMATCH", **span)
    full = x.abs() > 0.999
    return Misconception("HARD-CLIP") if (x[full].abs() == 1).float().mean() > 0.9 else None


def remark_on_g(net, z):
    if another_start(net):
        return "another-start"
    return "flat" if net(z).std() < 0.003 else None


def with_norm_at(k):
    """G's layers with a batch norm of one channel before layer k from the end."""

    def layers(z_dim, width):
        own = layers_of_g(z_dim, width)
        return [*own[: len(own) - k], nn.BatchNorm2d(1), *own[len(own) - k :]]

    return layers


layers, init = Part.of(generator)
G_MISTAKES = {
    "SIGMOID-FOR-TANH": layers(lambda z, w: layers_of_g(z, w, last=nn.Sigmoid)),
    "RELU-BEFORE-TANH": layers(lambda z, w: [*layers_of_g(z, w)[:-1], nn.ReLU(), nn.Tanh()]),
    "RANGE-MISMATCH": layers(lambda z, w: layers_of_g(z, w, last=nn.Identity)),
    "HARD-CLIP": layers(lambda z, w: layers_of_g(z, w, last=nn.Hardtanh)),
    "LINEAR-NET": layers(lambda z, w: layers_of_g(z, w, act=nn.Identity)),
    "BATCHNORM-AT-THE-EDGE": layers(with_norm_at(1), with_norm_at(0)),
    "BATCHNORM-EPS": layers(lambda z, w: layers_of_g(z, w, lambda n: nn.BatchNorm2d(n, 0.8))),
    "BATCHNORM-GAMMA-ZERO": init(lambda net: start(net, gamma=0.0)),
    "INIT-UNUSED": init(lambda net: net),
    "INIT-SCALE": init(lambda net: start(net, std=1.0), lambda net: start(net, std=0.0002)),
    "WIDTH-IGNORED": layers(lambda z, w: layers_of_g(z, WIDTH)),
    "WIDTH-ELSEWHERE": layers(lambda z, w: layers_of_g(z, 2 * w)),
    "Z-DIM-IGNORED": layers(lambda z, w: layers_of_g(100, w)),
    "LEFT-FROZEN": init(lambda net: start(net).requires_grad_(False)),
}
build_g = Probe("06.generator", generator, judge_generator, G_MISTAKES)


# ---- 06.discriminator: my_discriminator(width) -> Module -----------------------------------------


def layers_of_d(width, act=lambda: nn.LeakyReLU(0.2), norm=nn.BatchNorm2d):
    return [
        nn.Conv2d(1, width, 4, 2, 1, bias=False), act(),
        nn.Conv2d(width, 2 * width, 4, 2, 1, bias=False), norm(2 * width), act(),
        nn.Conv2d(2 * width, 1, 7, bias=False), nn.Flatten(0),
    ]  # fmt: skip


def discriminator(width, *, layers=layers_of_d, init=start):
    return init(nn.Sequential(*layers(width)))


def judge_discriminator(answer, seed):
    torch.manual_seed(seed)
    nets = [built(answer, WIDTH), built(answer, 2 * WIDTH)]
    found = next((net for net in nets if isinstance(net, Misconception)), None)
    if found:
        return found
    net, x = nets[0], 2 * torch.rand(N, 1, 28, 28) - 1
    return (
        shaped(net, x, (N,))
        or unknown_layers(net, x)
        or wrong_norm(net)
        or blind(answer, x)
        or edge_of_d(net, x)
        or width_ignored(*nets)
        or width_elsewhere(watched(net, x)[1].layers()[:1], "out", WIDTH)
        or wrong_start([built(answer, WIDTH), nets[1]])
        or bounded(answer, x)
        or merging(built(answer, WIDTH), x)
        or of_one_picture(net.eval(), x[:1])
        or mixed(net, x)
        or ("another-start" if another_start(built(answer, WIDTH)) else None)
    )


def of_one_picture(net, x):
    """SHAPE/one where a net that was right for many pictures returns no [1] for one."""
    found = shaped(net, x, (1,))
    return Misconception("SHAPE/one", **found.seen) if found and found.code == "SHAPE" else found


def blind(answer, x):
    """Every pixel has a part in the logit, in one of several networks at least."""
    moved = torch.zeros(28, 28)
    for _ in range(12):
        net = built(answer, WIDTH).eval()
        moved += influence(net, x).amax(0)[0]  # [28, 28]
        if (moved > 0).all():
            return without_gradient(net, x)
    share = (moved == 0).float().mean().item()
    if share == 1:
        still = near(with_noise_of(0, net, x), with_noise_of(0, net, -x.flip(0)), 1e-6)
        return Misconception("DEAD-X" if still else "NO-GRADIENT")
    return Misconception("BLIND-SPOT", share=share) if share > 0.25 else without_gradient(net, x)


def influence(net, x):
    """|d output / d x|, for a random weighting of the outputs: the shape of x."""
    x = x.clone().requires_grad_()
    out = net(x)
    if not out.requires_grad:
        return torch.zeros_like(x)
    found = torch.autograd.grad((out * torch.randn_like(out)).sum(), x, allow_unused=True)[0]
    return torch.zeros_like(x) if found is None else found.abs()


def edge_of_d(net, x):
    order = watched(net, x)[1].order()
    where = {
        "BATCHNORM-AT-THE-EDGE/input": order.startswith("n"),
        "BATCHNORM-AT-THE-EDGE/first": order.startswith("wn"),
        "BATCHNORM-AT-THE-EDGE/logits": order.endswith("n"),
    }
    return next(
        (Misconception(code) for code, found in where.items() if found and "w" in order), None
    )


def bounded(answer, x):
    """Logits of either sign and any size, over several networks and strong weights."""
    low, high = math.inf, -math.inf
    for _ in range(20):
        net = built(answer, WIDTH)
        with torch.no_grad():
            for p in net.parameters():
                p.mul_(30)
            logits = torch.cat([net(x), net(1000 * x)])
        low, high = min(low, logits.min().item()), max(high, logits.max().item())
        if low < -1.0001 and high > 1.0001:
            return None
    code = "FINAL-TANH" if low >= -1.0001 and high <= 1.0001 else "ONE-SIDED-LOGITS"
    return Misconception(
        "FINAL-SIGMOID" if low >= 0 and high <= 1.0001 else code, low=low, high=high
    )


def and_then(*more):
    """D's layers, and more of them after the last."""
    return lambda width: [*layers_of_d(width), *(layer() for layer in more)]


layers, init = Part.of(discriminator)
D_MISTAKES = {
    "FINAL-SIGMOID": layers(and_then(nn.Sigmoid)),
    "FINAL-TANH": layers(and_then(nn.Tanh)),
    "ONE-SIDED-LOGITS": layers(and_then(nn.ReLU), and_then(nn.LogSigmoid)),
    "LINEAR-NET": layers(lambda w: layers_of_d(w, act=nn.Identity)),
    "BATCHNORM-AT-THE-EDGE": layers(
        lambda w: [nn.BatchNorm2d(1), *layers_of_d(w)],
        lambda w: [layers_of_d(w)[0], nn.BatchNorm2d(w), *layers_of_d(w)[1:]],
        lambda w: [*layers_of_d(w)[:-1], nn.BatchNorm2d(1), nn.Flatten(0)],
    ),
    "BATCHNORM-EPS": layers(lambda w: layers_of_d(w, norm=lambda n: nn.BatchNorm2d(n, 0.8))),
    "BATCHNORM-GAMMA-ZERO": init(lambda net: start(net, gamma=0.0)),
    "INIT-UNUSED": init(lambda net: net),
    "INIT-SCALE": init(lambda net: start(net, std=1.0), lambda net: start(net, std=0.0001)),
    "WIDTH-IGNORED": layers(lambda w: layers_of_d(32)),
    "WIDTH-ELSEWHERE": layers(lambda w: layers_of_d(w // 2)),
    "LEFT-FROZEN": init(lambda net: start(net).requires_grad_(False)),
}
build_d = Probe("06.discriminator", discriminator, judge_discriminator, D_MISTAKES)

# ---- in the lesson: a layer from 7 to 14, and pixels in the range of tanh ------------------------


def seven_to_fourteen(kernel=4, stride=2, padding=1):
    return kernel, stride, padding


def judge_layer(answer, seed):
    """Kernel, stride and padding of a transposed convolution that makes 14 pixels of 7."""
    values = [number(v, "One of the three") for v in several(answer(), 3)]
    if any(v != int(v) for v in values) or min(values[:2]) < 1 or values[2] < 0:
        return Misconception("NO-SUCH-LAYER", values=values)
    kernel, stride, padding = map(int, values)
    made = back(7, kernel, stride, padding)
    if made == 14:
        return None
    given = {"made": made, "kernel": kernel, "stride": stride, "padding": padding}
    if stride == 1:
        return Misconception("STRIDE-ONE", **given)
    if any(
        back(7, *other) == 14 and other[1] == 2 for other in permutations((kernel, stride, padding))
    ):
        return Misconception("OTHER-ORDER", **given)
    if padding == 0:
        return Misconception("NOTHING-CUT", **given)
    return Misconception("TOO-LARGE" if made > 14 else "TOO-SMALL", **given)


LAYER_MISTAKES = {
    "NO-SUCH-LAYER": ({"kernel": 0}, {"padding": -1}, {"stride": 1.5}),
    "STRIDE-ONE": ({"stride": 1},),
    "OTHER-ORDER": ({"kernel": 2, "stride": 4},),
    "NOTHING-CUT": ({"padding": 0}, {"kernel": 3, "padding": 0}),
    "TOO-LARGE": ({"kernel": 5},),
    "TOO-SMALL": ({"kernel": 3}, {"padding": 2}),
}


def to_tanh(pixels, *, wide=lambda p: 2 * p, move=lambda p: p - 1):
    return move(wide(pixels))


wide, move = Part.of(to_tanh)
RANGE_MISTAKES = {
    "NOT-MOVED": move(lambda p: p),
    "NOT-WIDENED": wide(lambda p: p),
    "HALF-RANGE": (lambda p: p - 0.5,),
    "TURNED": (lambda p: 1 - 2 * p,),
    "BYTES": wide(lambda p: p / 127.5),
    "AS-IT-WAS": (lambda p: p, lambda p: p.clamp(-1, 1)),
    "TANH-OF-DATA": (torch.tanh, lambda p: torch.tanh(2 * p - 1)),
    "STANDARDISED": (
        lambda p: (p - p.mean()) / p.std(),
        lambda p: 2 * (p - p.min()) / (p.max() - p.min()) - 1,
    ),
    "TOO-WIDE": wide(lambda p: 3 * p),
}


def range_cases(seed):
    rng = seeded(seed)
    return [
        Case(f"{n} pictures", (0.1 + 0.8 * torch.rand(n, 1, 4, 4, generator=rng),)) for n in (2, 3)
    ]


def pictures(answer, case):
    (pixels,) = case.args
    return tensor(answer(pixels.clone()), pixels.shape, "Your pictures").detach().double()


EXERCISES = {
    "out_size": out_size,
    "generator": build_g,
    "discriminator": build_d,
    "turn_shapes": Probe("06.turn_shapes", seven_to_fourteen, judge_layer, LAYER_MISTAKES),
    "turn_range": Exercise(
        "06.turn_range", to_tanh, RANGE_MISTAKES, range_cases, observe=pictures, what="your pixels"
    ),
}
