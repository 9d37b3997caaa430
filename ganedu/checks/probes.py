"""Small questions that many checks ask of an answer, and worlds that many answers are tried in."""

import copy
import inspect

import numpy as np
import torch
from torch import nn

from ganedu.checks.words import Misconception

# ---- reading what was returned -------------------------------------------------------------------


def returned(value, what):
    """The value, unless nothing was returned, or the blank as it was given: `return ...`."""
    if value is ...:
        raise NotImplementedError
    if value is None:
        raise Misconception("NOTHING-RETURNED", what=what)
    return value


def number(value, what="What your function returned"):
    """A returned scalar (tensor or float) as a float, or a named verdict on why it is none."""
    returned(value, what)
    if isinstance(value, torch.Tensor | np.ndarray) and np.prod(value.shape) != 1:
        raise Misconception("UNREDUCED", what=what, shape=list(value.shape))
    if isinstance(value, bool | str | bytes):
        raise Misconception("NOT-A-NUMBER", what=what, kind=type(value).__name__)
    try:
        return float(value.detach() if isinstance(value, torch.Tensor) else value)
    except (TypeError, ValueError, OverflowError):
        raise Misconception("NOT-A-NUMBER", what=what, kind=type(value).__name__) from None


def one_number(value):
    """How most exercises read an answer: one number."""
    return number(value)


def tensor(value, shape, what="What your function returned"):
    """A returned tensor of the expected shape, or a named verdict on why it is none."""
    returned(value, what)
    if not isinstance(value, torch.Tensor):
        raise Misconception("NOT-A-TENSOR", what=what, kind=type(value).__name__)
    if tuple(value.shape) != tuple(shape):
        raise Misconception("SHAPE", what=what, shape=list(value.shape), wanted=list(shape))
    return value


def several(value, n, what="What your function returned"):
    """A returned tuple (or list, or tensor) of n things, or a named verdict on why it is none."""
    returned(value, what)
    if isinstance(value, str | dict | set) or not hasattr(value, "__len__"):
        raise Misconception("NOT-A-PAIR", what=what, wanted=n, kind=f"a {type(value).__name__}")
    if not (getattr(value, "ndim", 1) and len(value) == n):
        size = len(value) if getattr(value, "ndim", 1) else 1
        kind = f"a {type(value).__name__} of {size}"
        raise Misconception("NOT-A-PAIR", what=what, wanted=n, kind=kind)
    return tuple(value)


# ---- comparing -----------------------------------------------------------------------------------


def near(a, b, tolerance=1e-4):
    """Equal up to rounding: numbers, tensors, tuples and dicts of them; NaN never."""
    if isinstance(b, dict):
        return (
            isinstance(a, dict)
            and a.keys() == b.keys()
            and all(near(a[k], b[k], tolerance) for k in b)
        )
    if isinstance(b, tuple | list):
        return (
            isinstance(a, tuple | list)
            and len(a) == len(b)
            and all(near(x, y, tolerance) for x, y in zip(a, b))
        )
    if a is None or b is None or isinstance(b, str | bool):
        return type(a) is type(b) and a == b
    a, b = torch.as_tensor(a, dtype=torch.float64), torch.as_tensor(b, dtype=torch.float64)
    return a.shape == b.shape and bool(torch.allclose(a, b, rtol=tolerance, atol=tolerance))


def seeded(seed):
    """A generator of its own for each draw of a check."""
    return torch.Generator().manual_seed(seed)


def fresh(args):
    """Copies of the arguments that an answer may do with what it likes."""
    return tuple(_copied(x) for x in args)


def _copied(x):
    if isinstance(x, torch.Generator):
        return x.clone_state()
    if isinstance(x, torch.Tensor):
        return x.detach().clone().requires_grad_(x.requires_grad)
    if isinstance(x, nn.Module):
        return _network(x)
    return copy.deepcopy(x) if isinstance(x, list | dict | np.ndarray) else x


def _network(net):
    """A copy with the old gradients, which deepcopy leaves out."""
    twin = copy.deepcopy(net)
    for mine, theirs in zip(twin.parameters(), net.parameters()):
        mine.grad = kept(theirs.grad)
    return twin


def plain(x):
    """A tensor seen on the way as an ordinary one, from torch.func.grad too; None inside a vmap."""
    inside = torch._C._functorch
    while inside.is_gradtrackingtensor(x):
        x = inside.get_unwrapped(x)
    if inside.is_functorch_wrapped_tensor(x):
        return None
    with torch.inference_mode(False):
        return x.detach().clone()


# ---- every argument, before and after ------------------------------------------------------------


class Guarded:
    """An answer whose arguments are compared before and after each call; `changed` says what did."""

    def __init__(self, function, right, may_change=()):
        self.function, self.may_change, self.changed = function, may_change, None
        self.names = list(inspect.signature(right).parameters)

    def __call__(self, *args, **named):
        given = {**dict(zip(self.names, args)), **named}
        before = {name: photograph(value) for name, value in given.items()}
        result = self.function(*args, **named)
        for name, value in given.items():
            aspects = differences(before[name], photograph(value))
            aspect = next((a for a in aspects if not self.allowed(name, a)), None)
            if aspect and self.changed is None:
                self.changed = Misconception(ASPECTS[aspect], argument=name, setting=aspect)
        return result

    def allowed(self, name, aspect):
        return name in self.may_change or f"{name}.{aspect}" in self.may_change


ASPECTS = {  # in the order in which they are told
    "identity": "PARAMETERS-REPLACED",
    "values": "INPUT-CHANGED",
    "weights": "WEIGHTS-TOUCHED",
    "grad": "GRADIENTS-TOUCHED",
    "requires_grad": "LEFT-FROZEN",
    "training": "LEFT-IN-EVAL",
    "settings": "SETTINGS-CHANGED",
}


def photograph(x):
    """What can be seen of an argument: {aspect: values}."""
    if isinstance(x, torch.Tensor):
        if torch._C._functorch.is_functorch_wrapped_tensor(x):
            return {}
        return {"values": [plain(x)], "grad": [kept(x.grad)]}
    if isinstance(x, np.ndarray):
        return {"values": [torch.as_tensor(x.copy())] if x.dtype.kind in "biuf" else []}
    if isinstance(x, nn.Module):
        weights = [*x.parameters(), *x.buffers()]
        return {
            "identity": [id(p) for p in x.parameters()],
            "weights": [plain(p) for p in weights],
            "grad": [kept(p.grad) for p in x.parameters()],
            "requires_grad": [p.requires_grad for p in x.parameters()],
            "training": [m.training for m in x.modules()],
        }
    if isinstance(x, torch.optim.Optimizer):
        groups = [{k: v for k, v in g.items() if k != "params"} for g in x.param_groups]
        return {
            "settings": repr(groups),
            "identity": [[id(p) for p in g["params"]] for g in x.param_groups],
        }
    if isinstance(x, list | tuple) and all(isinstance(v, torch.Tensor) for v in x):
        return {"values": [plain(v) for v in x]}
    return {}


def kept(grad):
    return None if grad is None else plain(grad)


def differences(before, after):
    """The aspects in which two photographs differ."""
    return [a for a in ASPECTS if a in before and not _same(before[a], after.get(a))]


def _same(a, b):
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(_same(x, y) for x, y in zip(a, b))
    if isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor):
        return a.shape == b.shape and bool(torch.equal(a.nan_to_num(), b.nan_to_num()))
    return type(a) is type(b) and a == b


# ---- randomness ----------------------------------------------------------------------------------


def randomness(draw, seed=0, rows=True, world=True):
    """Does draw(rng) -> tensor draw afresh, from rng and nothing else? None, or a Misconception.

    `world`: not even numbers that do not reach the result may come from torch's global generator.
    """
    torch.rand(1)  # so that a seed which an earlier call has set is seen to be set again
    rng, again = seeded(seed), seeded(seed)
    state, before = rng.get_state(), torch.get_rng_state()
    first = draw(rng)
    if world and not torch.equal(torch.get_rng_state(), before):
        torch.set_rng_state(before)
        return Misconception("GLOBAL-RNG")
    if not near(first, draw(again)):
        return Misconception("RNG-UNUSED")
    later = seeded(seed)
    torch.rand(7, generator=later)
    if near(first, draw(later)):
        return Misconception("RNG-REWOUND")
    if torch.equal(rng.get_state(), state) or near(first, draw(rng)):
        return Misconception("RNG-COPIED")
    if rows and len(first) > 1 and len(torch.unique(first.flatten(1), dim=0)) < len(first):
        return Misconception("ONE-DRAW")
    return None


# ---- a D to try things on ------------------------------------------------------------------------


class Bumpy(nn.Module):
    """A D with a slope that differs from place to place: x [n, ...] -> logits [n].

    Its weights carry old gradients, so that an answer which clears or adds to them is seen.
    """

    def __init__(self, shape=(2,), seed=0, scale=1.0):
        super().__init__()
        rng, d = seeded(seed), int(np.prod(shape))
        self.first = nn.Parameter(torch.randn(d, 6, generator=rng))
        self.last = nn.Parameter(scale * torch.randn(6, generator=rng))
        for weight in self.parameters():
            weight.grad = torch.randn(weight.shape, generator=rng)

    def forward(self, x):
        return torch.tanh(x.flatten(1) @ self.first) @ self.last


# ---- a value and its slopes ----------------------------------------------------------------------


def value_and_slopes(answer, case):
    """A loss and its gradient in each argument: {"your loss": value, "the gradient": tensors or None}."""
    leaves = [x.clone().requires_grad_() for x in case.args]
    try:
        value = answer(*leaves)
    except RuntimeError as error:  # numpy, or an in-place operation, of a tensor that learns
        if "requires grad" not in str(error):
            raise
        copies = [x.clone() for x in leaves]
        value = answer(*copies) if "leaf" in str(error) else answer(*fresh(case.args))
    return {"your loss": number(value), "the gradient": slopes_of(value, leaves)}


def slopes_of(value, leaves):
    """d value / d leaf of each leaf, zeros where it does not depend on it; None without a graph."""
    if not (isinstance(value, torch.Tensor) and value.requires_grad):
        return None
    found = torch.autograd.grad(value.sum(), leaves, allow_unused=True)
    return tuple(torch.zeros_like(x) if g is None else g for g, x in zip(found, leaves))
