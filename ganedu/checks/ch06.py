"""Chapter 06: sizes of convolutions, a convolutional generator, a convolutional discriminator.

A network may be built in any way (a class, nn.Sequential, upsampling instead of transposed
convolutions): what it does is tried first, and its layers are looked at only where behaviour cannot
tell. On initial weights: DCGAN's, standard deviation 0.02, is what the exercise asks for; another
explicit start of a sensible scale passes with a remark; torch's own default, which is what is there
when nobody called an init, does not.
"""

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from ganedu.checks.engine import Misconception
from ganedu.checks.probes import number

# ---------------------------------------------------------------- the size calculator


class Rule(NamedTuple):
    """A wrong formula (size, kernel, stride, padding) -> size, its name, what to say about it."""

    code: str
    rule: object
    seen: str
    next_step: str


def forward_size(i, k, s, p):
    return (i + 2 * p - k) // s + 1


def transposed_size(i, k, s, p):
    return (i - 1) * s - 2 * p + k


DRAW = "Draw a row of 5 pixels and a kernel of 3 that moves by 2, and count."
BACK = "Draw 3 pixels, let each paint a kernel of 4, the next one 2 further on, and count."
PAD = "Padding adds pixels on the left and on the right. What does that do to the size?"
CUT = "In a transposed convolution padding cuts pixels off, on the left and on the right."

FORWARD_RULES = [
    Rule(
        "FLOOR-FORGOTTEN",
        lambda i, k, s, p: (i + 2 * p - k) / s + 1,
        "a kernel that no longer fits whole is counted in part",
        "Where the stride does not divide the way evenly, what happens to the last pixels?",
    ),
    Rule(
        "ROUNDED-UP",
        lambda i, k, s, p: math.ceil((i + 2 * p - k) / s) + 1,
        "a kernel that no longer fits whole is counted as one more",
        "Where the stride does not divide the way evenly, what happens to the last pixels?",
    ),
    Rule(
        "ROUNDED-UP",
        lambda i, k, s, p: -(-i // s),
        "that is size / stride, rounded up: the rule of padding 'same', not of a given padding",
        "Two layers with different kernels or padding: can they give the same size?",
    ),
    Rule(
        "STRIDE-ONLY",
        lambda i, k, s, p: i // s,
        "that is size / stride, whatever the kernel and the padding are",
        DRAW,
    ),
    Rule(
        "PADDING-ONCE",
        lambda i, k, s, p: (i + p - k) // s + 1,
        "padding counts on one side only",
        PAD,
    ),
    Rule("PADDING-SIGN", lambda i, k, s, p: (i - 2 * p - k) // s + 1, "padding shrinks it", PAD),
    Rule("PADDING-IGNORED", lambda i, k, s, p: (i - k) // s + 1, "padding changes nothing", PAD),
    Rule(
        "OFF-BY-ONE",
        lambda i, k, s, p: (i + 2 * p - k) // s,
        "it counts the kernel's moves, and forgets the place where it starts",
        DRAW,
    ),
    Rule(
        "OFF-BY-ONE",
        lambda i, k, s, p: (i + 2 * p - k + 1) // s,
        "the 1 is added before the division by the stride",
        DRAW,
    ),
    Rule("STRIDE-IGNORED", lambda i, k, s, p: i + 2 * p - k + 1, "the stride has no part", DRAW),
]

TRANSPOSED_RULES = [
    Rule(
        "OFF-BY-ONE",
        lambda i, k, s, p: i * s - 2 * p + k,
        "there is one stride for each pixel; but between n pixels lie n - 1 gaps",
        BACK,
    ),
    Rule("OFF-BY-ONE", lambda i, k, s, p: transposed_size(i, k, s, p) - 1, "1 too few", BACK),
    Rule("OFF-BY-ONE", lambda i, k, s, p: transposed_size(i, k, s, p) + 1, "1 too many", BACK),
    Rule("STRIDE-ONLY", lambda i, k, s, p: i * s, "that is size times stride", BACK),
    Rule(
        "PADDING-ONCE",
        lambda i, k, s, p: (i - 1) * s - p + k,
        "padding counts on one side only",
        CUT,
    ),
    Rule("PADDING-SIGN", lambda i, k, s, p: (i - 1) * s + 2 * p + k, "padding enlarges it", CUT),
    Rule("PADDING-IGNORED", lambda i, k, s, p: (i - 1) * s + k, "padding changes nothing", CUT),
]

CASES = [(28, 4, 2, 1), (7, 7, 1, 0), (9, 3, 2, 0), (10, 4, 3, 2), (1, 7, 1, 3)] + [
    (i, k, s, p)
    for i in (5, 6, 8, 11)
    for k in (1, 2, 3, 4, 5)
    for s in (1, 2, 3)
    for p in (0, 1, 2)
]
BACK_CASES = [(1, 7, 1, 0), (7, 4, 2, 1), (14, 4, 2, 1), *CASES[5:]]


def out_size(answer):
    """my_out_size(size, kernel, stride, padding, transposed=False) -> int."""
    forward, back = _sizes(answer, CASES), _sizes(answer, BACK_CASES, transposed=True)
    _name_direction(forward, back)
    _name_rule(forward, CASES, forward_size, FORWARD_RULES, "convolution")
    _name_rule(back, BACK_CASES, transposed_size, TRANSPOSED_RULES, "transposed convolution")
    return (
        f"Right, for {len(CASES)} convolutions and {len(BACK_CASES)} transposed ones. With "
        "kernel 4, stride 2 and padding 1 the two undo each other: DCGAN is full of them."
    )


def _sizes(answer, cases, **named):
    """The answer's sizes, and whether they are whole numbers by type."""
    sizes = []
    for case in cases:
        size = answer(*case, **named)
        what = f"my_out_size({', '.join(map(str, case))}{', transposed=True' if named else ''})"
        sizes.append((_one_number(size, what), _is_whole(size)))
    return sizes


def _one_number(size, what):
    try:
        return number(size, what)
    except Misconception as no_number:
        if size is None:
            raise
        raise Misconception(
            "NOT-A-NUMBER", no_number.seen, "Return one size; height and width have the same rule."
        ) from None


def _is_whole(size):
    if isinstance(size, torch.Tensor):
        return not size.is_floating_point()
    return isinstance(size, int | np.integer) or (
        isinstance(size, np.ndarray) and np.issubdtype(size.dtype, np.integer)
    )


def _agree(sizes, cases, rule):
    return all(abs(value - rule(*case)) < 1e-6 for (value, _), case in zip(sizes, cases))


def _name_direction(forward, back):
    """Is one of the two formulas used for the other?"""
    there = _agree(forward, CASES, transposed_size)
    here = _agree(back, BACK_CASES, forward_size)
    if not (there or here):
        return
    code = "DIRECTIONS-SWAPPED" if there and here else "TRANSPOSED-AS-FORWARD"
    code = "FORWARD-AS-TRANSPOSED" if there and not here else code
    seen = {
        "DIRECTIONS-SWAPPED": "Each of the two kinds has the formula of the other.",
        "TRANSPOSED-AS-FORWARD": "With `transposed=True` you compute an ordinary convolution.",
        "FORWARD-AS-TRANSPOSED": "An ordinary convolution gets the transposed formula.",
    }[code]
    raise Misconception(code, seen, "Which of the two makes a picture larger when the stride is 2?")


def _name_rule(sizes, cases, right, rules, kind):
    if _agree(sizes, cases, right):
        if not all(whole for _, whole in sizes):
            raise Misconception(
                "FLOAT-RETURNED",
                f"The sizes are right, but of type float: {sizes[0][0]}.",
                "A size counts pixels, and layers take only int. Which division gives an int?",
            )
        return
    k = next(k for k, case in enumerate(cases) if abs(sizes[k][0] - right(*case)) > 1e-6)
    shown = "size {}, kernel {}, stride {}, padding {}".format(*cases[k])
    start = f"For a {kind} with {shown} you return {sizes[k][0]:g}"
    for rule in rules:
        if _agree(sizes, cases, rule.rule):
            raise Misconception(rule.code, f"{start}: {rule.seen}.", rule.next_step)
    raise Misconception(
        "WRONG-VALUE",
        f"{start}; torch's own layer gives {right(*cases[k])}.",
        DRAW if right is forward_size else BACK,
    )


# ---------------------------------------------------------------- building and calling networks

Z_DIM, WIDTH = 12, 8
N = 16
SIZES = "Write the size after each layer beside it; your `my_out_size` computes it."
SHAPE_WORDS = (
    "shape",
    "size",
    "channels",
    "dimension",
    "Expected 3D",
    "running_mean",
    "must match",
    "Given groups",
)


def _build(answer, *args):
    """A new network from the answer, or a named verdict on why there is none."""
    try:
        net = answer(*args)
    except AttributeError as error:
        if "before Module.__init__" in str(error):
            raise Misconception(
                "SUPER-MISSING",
                "Your class stores layers before nn.Module is ready for them.",
                "What does the first line of every `__init__` of a module call?",
            ) from None
        raise
    if net is None:
        raise Misconception(
            "NOTHING-RETURNED",
            "Your function returned None.",
            "End the function with a `return` line.",
        )
    if isinstance(net, nn.Module):
        return net
    seen = f"Your function returned a {type(net).__name__}, not a network."
    next_step = "Return an nn.Module: an object of your class, or nn.Sequential(...)."
    if isinstance(net, type):
        seen = f"Your function returned the class {net.__name__}, not an object of it."
    elif isinstance(net, torch.Tensor):
        seen = "Your function returned a tensor: the network's output, not the network."
    raise Misconception("NOT-A-MODULE", seen, next_step)


def _call(net, x):
    """net(x); torch's complaints about shapes become a named verdict."""
    device = next((p.device for p in net.parameters()), x.device)
    try:
        return net(x.to(device))
    except NotImplementedError as error:
        if "forward" not in str(error):
            raise
        raise Misconception(
            "FORWARD-MISSING",
            f"Your {type(net).__name__} has no method `forward`.",
            "Look at the method's name and at its indentation.",
        ) from None
    except (RuntimeError, ValueError, IndexError) as error:
        said = str(error).split("\n")[0]
        if not any(word in said for word in SHAPE_WORDS):
            raise
        raise Misconception(
            "SHAPE", f"Given {list(x.shape)}, your network stopped: {said}.", SIZES
        ) from None


def _expect(x, shape, given, next_step):
    if not isinstance(x, torch.Tensor):
        raise Misconception(
            "NOT-A-TENSOR",
            f"Your network returned a {type(x).__name__}.",
            "`forward` returns one tensor.",
        )
    if tuple(x.shape) != shape:
        raise Misconception(
            "SHAPE",
            f"Given {given}, your network returns {list(x.shape)}; {list(shape)} is asked for.",
            next_step,
        )
    if not torch.isfinite(x).all():
        raise Misconception(
            "NOT-FINITE",
            "Your untrained network already returns infinite values or NaN.",
            "Look for a log, a root or a division, and at the size of the initial weights.",
        )


def _weights(net):
    """The weights of convolutions and linear layers by name: all parameters of 2 axes or more."""
    return {name: p.detach() for name, p in net.named_parameters() if p.ndim >= 2}


def _name_not_convolutional(net):
    if not any(w.ndim == 4 for w in _weights(net).values()):
        raise Misconception(
            "NOT-CONVOLUTIONAL",
            "Your network has no convolution: it treats the 784 pixels as a list.",
            "Which layers know that two pixels are neighbours?",
        )


def _name_width(small, large):
    count = [sum(p.numel() for p in net.parameters()) for net in (small, large)]
    if count[0] == count[1]:
        raise Misconception(
            "WIDTH-IGNORED",
            f"With width {WIDTH} and with width {2 * WIDTH} your network has the same "
            f"{count[0]:,} parameters.",
            "Which numbers of channels should grow with `width`?",
        )


def _norms(net):
    return [m for m in net.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]


def _name_gamma(net):
    """Batch norm's scale gamma starts near 1, and its eps is tiny."""
    eps = max([m.eps for m in _norms(net)], default=0)
    if eps > 0.01:
        raise Misconception(
            "BATCHNORM-EPS",
            f"A batch norm has eps = {eps:g}, which is added to every variance.",
            "The second argument of `BatchNorm2d` is eps, not the momentum.",
        )
    gammas = [m.weight.detach().abs().mean().item() for m in _norms(net) if m.affine]
    if gammas and min(gammas) < 0.5:
        raise Misconception(
            "BATCHNORM-GAMMA-ZERO",
            f"The scale gamma of a batch norm starts near {min(gammas):.2g}: what passes through "
            "it is all but wiped out.",
            "Gamma multiplies. Around which number should it start?",
        )


def _layer_order(net, x):
    """The layers with weights ("w") and the batch norms ("n"), in the order in which they run."""
    order, hooks = [], []
    for m in net.modules():
        weighty = isinstance(m, nn.modules.conv._ConvNd | nn.Linear)
        if weighty or m in _norms(net):
            kind = "w" if weighty else "n"
            hooks.append(m.register_forward_hook(lambda *_, kind=kind: order.append(kind)))
    _call(net, x)
    for hook in hooks:
        hook.remove()
    return "".join(order)


def _edge(where, why):
    return Misconception(
        "BATCHNORM-AT-THE-EDGE",
        f"There is a batch norm {where}: {why}.",
        "Batch norm belongs between the layers. Where does DCGAN leave it out?",
    )


# ---------------------------------------------------------------- initial weights


def _name_init(nets):
    """Judge the initial weights of the same network at two widths; return a remark or ''.

    Left out are tensors too small to judge, and the lengths that weight norm keeps apart.
    """
    weights = [_weights(net) for net in nets]
    names = [name for name, w in weights[0].items() if w[0].numel() > 1 and w.numel() >= 32]
    default = [n for n in names if all(n in w and _is_default(w[n]) for w in weights)]
    if default:
        raise Misconception(
            "INIT-UNUSED",
            f"{len(default)} of {len(names)} layers still hold torch's own initial weights "
            f"(`{default[0]}`: evenly spread, standard deviation "
            f"{weights[0][default[0]].std():.3f}).",
            "Is your init called, and does it know every kind of layer that you use?",
        )
    for name in names:
        w = weights[0][name]
        if not _is_sane(w, _fan_in(nets[0], name, w)):
            raise Misconception(
                "INIT-SCALE",
                f"`{name}` starts with mean {w.mean():.2g} and standard deviation {w.std():.2g}.",
                "DCGAN draws from N(0, 0.02). In which order does `normal_` take mean and "
                "standard deviation?",
            )
    return _remark_on_scale([weights[0][name].std().item() for name in names])


def _is_default(w):
    """Uniform within 1 / sqrt(fan_in), as torch's layers start."""
    bound = 1 / math.sqrt(w[0].numel())
    flat = w.abs().max() < 1.9 * w.std()
    return bool(flat and w.abs().max() <= 1.001 * bound and w.std() > 0.85 * bound / math.sqrt(3))


def _fan_in(net, name, w):
    """How many numbers add up to one; for a transposed convolution at least its channels."""
    owner = net.get_submodule(name.rpartition(".")[0])
    transposed = isinstance(owner, nn.modules.conv._ConvTransposeNd)
    return w.shape[0] if transposed else w[0].numel()


def _is_sane(w, fan_in):
    """Zero mean, and DCGAN's scale or one between a quarter of torch's default and twice He's."""
    std, mean = w.std().item(), w.mean().item()
    if abs(mean) > (0.2 + 4 / math.sqrt(w.numel())) * std:
        return False
    low = 0.25 * math.sqrt(1 / (3 * max(w[0].numel(), w[:, 0].numel())))
    return 0.012 < std < 0.03 or low < std < 2 * math.sqrt(2 / fan_in)


def _remark_on_scale(stds):
    if all(0.01 < std < 0.04 for std in stds):
        return ""
    return (
        f" Your weights start with standard deviations from {min(stds):.2g} to {max(stds):.2g}, "
        "where DCGAN has 0.02: a sensible start, too."
    )


# ---------------------------------------------------------------- the generator


def generator(answer):
    """my_generator(z_dim, width) -> Module: z [n, z_dim, 1, 1] -> [n, 1, 28, 28] in (-1, 1)."""
    net = _build(answer, Z_DIM, WIDTH)
    z = torch.randn(N, Z_DIM, 1, 1)
    x = _picture(net, z)
    _name_not_convolutional(net)
    _name_gamma(net)
    _name_dead(net, z, x)
    _name_edge_of_g(net, z)
    large = _build(answer, Z_DIM + 3, 2 * WIDTH)
    _name_width(_build(answer, Z_DIM + 3, WIDTH), large)
    remark = _name_init([_build(answer, Z_DIM, WIDTH), large])
    _name_range(_build(answer, Z_DIM, WIDTH), z)
    _name_linear(_build(answer, Z_DIM, WIDTH), torch.randn(N, Z_DIM, 1, 1), _before_tanh)
    one = _call(net.eval(), z[:1])
    _expect(one, (1, 1, 28, 28), f"a single z {list(z[:1].shape)}", "Which line drops the axis?")
    return "Right: every number of z moves the picture, and it fills (-1, 1)." + (
        remark or _remark_on_signal(x)
    )


def _picture(net, z):
    """G(z), of the right shape, or a named verdict."""
    try:
        x = _call(net, z)
    except Misconception as stopped:
        if stopped.code == "SHAPE" and _takes(net, torch.randn(N, 100, 1, 1)):
            raise Misconception(
                "Z-DIM-IGNORED",
                f"Asked for z_dim = {Z_DIM}, your network still wants 100 numbers.",
                "Where does the first layer get its number of channels from?",
            ) from None
        raise
    _expect(x, (N, 1, 28, 28), f"z {list(z.shape)}", SIZES)
    return x.detach()


def _takes(net, z):
    try:
        _call(net, z)
    except Exception:
        return False
    return True


def _name_dead(net, z, x):
    """Pictures differ where z differs, and each number of z has a part in that."""
    moved = _influence(net, z).flatten(1).amax(0)  # [z_dim]
    torch.rand(7)  # moves the global generator on
    if (moved == 0).all() and not torch.allclose(_call(net, z).detach(), x):
        raise Misconception(
            "OWN-Z",
            "The same z gives another picture each time: your network draws noise of its own.",
            "All randomness of a generator comes in through z.",
        )
    if x.std(dim=0).max() <= 1e-4 * x.abs().max() + 1e-9:
        raise _dead("All pictures of a batch are the same, whatever z is.")
    if (moved == 0).any():
        used = int((moved > 0).sum())
        raise _dead(f"Only {used} of the {Z_DIM} numbers in z move the picture.")
    if x.flatten(1).std(dim=1).max() <= 1e-4 * x.abs().max() + 1e-9:
        raise Misconception(
            "FLAT-IMAGE",
            "All 784 pixels of a picture have the same value.",
            "Which layer lets neighbouring pixels differ?",
        )


def _dead(seen):
    return Misconception(
        "DEAD-Z", seen, "Follow z from the argument of `forward` to the last line."
    )


def _influence(net, x):
    """|d output / d x|, for a random weighting of the outputs: the shape of x."""
    x = x.clone().requires_grad_()
    out = _call(net, x)
    if not out.requires_grad:
        return torch.zeros_like(x)
    weighted = (out * torch.randn_like(out)).sum()
    found = torch.autograd.grad(weighted, x, allow_unused=True)[0]
    return torch.zeros_like(x) if found is None else found.abs()


def _name_edge_of_g(net, z):
    order = _layer_order(net, z)
    if order.rstrip("n") != order:
        raise _edge(
            "after G's last convolution",
            "it forces every batch of pictures to the same mean and spread",
        )


def _name_range(net, z):
    """Turn all weights up until the pictures saturate, and look at the range they fill."""
    low, high = math.inf, -math.inf
    for _ in range(60):
        with torch.no_grad():
            x = _call(net, z).float()
            for p in net.parameters():
                p.mul_(1.2)
        low, high = min(low, x.min().item()), max(high, x.max().item())
        if max(-low, high) > 1.0001:
            raise _out_of_range(low, high)
        if (x.abs() > 0.999).float().mean() > 0.02:
            break
    if low >= 0:
        raise Misconception(
            "SIGMOID-FOR-TANH",
            f"Pixels lie between {max(low, 0.0):.2f} and {high:.2f}, never below 0; the data fill "
            "[-1, 1].",
            "Which function at the end reaches both -1 and 1?",
        )
    if max(-low, high) < 0.99 or min(-low, high) < 0.5:
        raise _out_of_range(low, high)
    full = x.abs() > 0.999
    if (x[full].abs() == 1).float().mean() > 0.9:
        raise Misconception(
            "HARD-CLIP",
            "Pixels are cut off at -1 and 1: where they are cut, no gradient comes back.",
            "Which smooth function stays within (-1, 1) by itself?",
        )


def _out_of_range(low, high):
    return Misconception(
        "RANGE-MISMATCH",
        f"With strong weights the pixels lie between {low:.3g} and {high:.3g}; the data fill "
        "[-1, 1].",
        "Which function at the end keeps any number within (-1, 1)?",
    )


def _before_tanh(x):
    return x.double().clamp(-0.999999, 0.999999).atanh()


def _name_linear(net, x, undo):
    """Is the network affine: f(a) + f(b) = f(0) + f(a + b), before its last tanh?"""
    for _ in range(20):
        _call(net, x)  # so that batch norm has seen some data
    net.eval()
    a, b = x[: N // 2], x[N // 2 :]
    scale = 10.0
    while scale > 0.01:
        outs = [_call(net, scale * v).detach() for v in (a, b, torch.zeros_like(a), a + b)]
        if undo is _identity or max(out.abs().max() for out in outs) < 0.95:
            break
        scale /= 2
    fa, fb, f0, fab = (undo(out) for out in outs)
    if (fa + fb - f0 - fab).norm() < 0.005 * ((fa - f0).norm() + (fb - f0).norm()):
        raise Misconception(
            "LINEAR-NET",
            "What your network makes of a + b is what it makes of a plus what it makes of b: all "
            "its layers together are one linear map.",
            "What stands between two layers so that they do not merge into one?",
        )


def _identity(x):
    return x.double()


def _remark_on_signal(x):
    spread = x.std().item()
    if spread > 0.003:
        return ""
    return (
        f" But its first pictures are nearly flat (standard deviation {spread:.1g}): with weights "
        "this small a normalisation between the layers keeps the signal alive."
    )


# ---------------------------------------------------------------- the discriminator


def discriminator(answer):
    """my_discriminator(width) -> Module: x [n, 1, 28, 28] -> logits [n]."""
    net = _build(answer, WIDTH)
    x = 2 * torch.rand(N, 1, 28, 28) - 1
    _expect(_call(net, x), (N,), f"x {list(x.shape)}", "One logit an example: which axes are left?")
    _name_not_convolutional(net)
    _name_gamma(net)
    _name_blind(answer, x)
    _name_edge_of_d(net, x)
    large = _build(answer, 2 * WIDTH)
    _name_width(net, large)
    remark = _name_init([_build(answer, WIDTH), large])
    _name_bounded(answer, x)
    _name_linear(_build(answer, WIDTH), torch.randn(N, 1, 28, 28), _identity)
    one = _call(net.eval(), x[:1])
    _expect(one, (1,), f"a single picture {list(x[:1].shape)}", "Which line drops the axis?")
    return "Right: one unbounded logit for each picture." + remark


def _name_blind(answer, x):
    """Every pixel has a part in the logit, in one of several networks at least."""
    moved = torch.zeros(28, 28)
    for _ in range(12):
        moved += _influence(_build(answer, WIDTH).eval(), x).amax(0)[0]  # [28, 28]
        if (moved > 0).all():
            return
    blind = (moved == 0).float().mean().item()
    if blind == 1:
        raise Misconception(
            "DEAD-X",
            "The logit does not depend on the picture.",
            "Follow x from the argument of `forward` to the last line.",
        )
    if blind > 0.25:
        raise Misconception(
            "BLIND-SPOT",
            f"{blind:.0%} of the pixels have no influence on the logit.",
            "Which part of the picture never reaches the last layer?",
        )


def _name_edge_of_d(net, x):
    order = _layer_order(net, x)
    if order.startswith("n"):
        raise _edge("on D's input", "the brightness of a picture is taken away before D sees it")
    if order.startswith("wn"):
        raise _edge("right after D's first convolution", "DCGAN leaves D's input layer without it")
    if order.endswith("n"):
        raise _edge(
            "on D's logits",
            "the logits of each batch get mean 0, so D cannot call a whole batch fake",
        )


def _name_bounded(answer, x):
    """Logits of either sign and any size, over several networks and strong weights."""
    low, high = math.inf, -math.inf
    for _ in range(20):
        net = _build(answer, WIDTH)
        with torch.no_grad():
            for p in net.parameters():
                p.mul_(30)
            logits = torch.cat([_call(net, x), _call(net, 1000 * x)])
        low, high = min(low, logits.min().item()), max(high, logits.max().item())
        if low < -1.0001 and high > 1.0001:
            return
    raise _bounded(low, high)


def _bounded(low, high):
    between = f"Even with strong weights your outputs lie between {low:.3g} and {high:.3g}"
    ask = "The losses take a logit, any number. What is the last thing that happens to it?"
    if low >= 0 and high <= 1.0001:
        return Misconception("FINAL-SIGMOID", f"{between}: probabilities, not logits.", ask)
    if high <= 1.0001 and low >= -1.0001:
        return Misconception("FINAL-TANH", f"{between}.", ask)
    return Misconception(
        "ONE-SIDED-LOGITS", f"{between}: D can say only one of 'real' and 'fake'.", ask
    )


EXERCISES = {"out_size": out_size, "generator": generator, "discriminator": discriminator}
