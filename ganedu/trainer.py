"""The alternation: one step for D, one for G, again. Nothing here knows images, files or plots.

    trainer = Trainer(G=MLPGenerator(), D=MLPDiscriminator(), data=ring(8))
    rows = trainer.fit(3000, every=100)

`steps` is the loop itself, an iterator, so that the reader's own loop stays in charge; `fit` runs it.
"""

import copy
import math
from collections.abc import Callable
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

import torch
from torch import nn

from ganedu import processes, recording
from ganedu.losses import Loss, nonsaturating


class NotFinite(RuntimeError):
    """A loss became infinite or NaN; the message says when, whose, and what to look at."""


@dataclass(kw_only=True)
class Trainer:
    """A training run: the fields say how, `state_dict` is all of its state."""

    G: nn.Module  # z -> x, or (z, y) -> x if it has .n_classes; has .z_dim (or .z_shape)
    D: nn.Module  # x (or x, y) -> logits [n] or, one for each place, [n, ...]
    data: object  # .sample(n, rng) -> [n, ...], or with labels .labelled(n, rng) -> x, y [n]
    loss: Loss = nonsaturating  # what each player minimises
    penalty: Callable | None = None  # (D, real, fake, rng) -> scalar, added to D's loss
    batch: int = 128  # examples in each step (of each process, under torch.distributed)
    lr_g: float = 2e-4  # Adam's step size for G; may be changed between steps
    lr_d: float = 2e-4  # ... and for D
    betas: tuple[float, float] = (0.5, 0.999)  # Adam's two averages
    d_steps: int = 1  # D's steps for each step of G
    schedule: Callable | None = None  # step -> factor on both step sizes
    penalty_schedule: Callable | None = None  # step -> factor on the penalty
    ema: float | None = None  # decay of a running average of G, which then draws the samples
    seed: int = 0  # every random draw of training follows from it
    device: str = "auto"  # "auto": a GPU if there is one
    precision: torch.dtype | None = None  # None: bfloat16 for convolutions where hardware has it

    def __post_init__(self):
        self._check_fields()
        self.device = find_device(self.device)
        convolutional = any(p.ndim == 4 for p in self.G.parameters())
        if self.precision is None:
            fast = convolutional and _has_fast_bfloat16(self.device)
            self.precision = torch.bfloat16 if fast else torch.float32
        layout = torch.channels_last if convolutional else torch.preserve_format
        self.G.to(self.device, memory_format=layout)
        self.D.to(self.device, memory_format=layout)
        self._check_shapes()
        processes.share([self.G, self.D])
        self.average = None if self.ema is None else copy.deepcopy(self.G).eval()
        self.opt_G = self._adam(self.G, self.lr_g)
        self.opt_D = self._adam(self.D, self.lr_d)
        self.rng = torch.Generator(self.device).manual_seed(self.seed)
        self.step = 0
        self.latest = {}  # what the latest step yielded
        self.recipe = None  # the Recipe that made this trainer, if one did
        self._watch = _Watch(self.device)
        self._own_rng = self.rng  # of several processes each has its own for penalties

    # ---------------------------------------------------------------- the game

    def d_turn(self, D, real, fake):
        """D's step: learn to tell real from fake. Returns what it thought of both."""
        fake = fake.detach()  # G stays as it is
        s_real, s_fake = self._judge(D, real, fake)
        loss = self.loss.d(s_real, s_fake)
        self._descend(self.opt_D, self._with_penalty(loss, D, real, fake), "discriminator")
        return {"d_loss": loss.detach(), "real": s_real.detach(), "fake": s_fake.detach()}

    def g_turn(self, D, real, fake):
        """G's step: learn what D would take for real. D stays as it is."""
        judged = self._judge(D, *self.loss.for_g(real, fake))
        loss = self.loss.g(*judged)
        self._descend(self.opt_G, loss, "generator")
        return {"g_loss": loss.detach()}

    def _step(self):
        """D's turns, each on a batch of its own, then G's turn on the fakes of the last one."""
        self._set_step_sizes()
        self._part_ways()
        for turns_left in reversed(range(self.d_steps)):
            real, z, G, D = self.deal(self.batch, self.rng)
            with torch.set_grad_enabled(turns_left == 0), self._autocast():
                fake = G(z)
            row = self.d_turn(D, real, fake)
        row |= self.g_turn(D, real, fake)
        self._update_average()
        return row

    def deal(self, n, rng):
        """real [n, ...], z [n, ...], and the two players, bound to the batch's labels where it has them."""
        rank, many = processes.place()
        if not self._conditional():
            real, z = self.data.sample(n * many, rng), latent(self.G, n * many, rng)
            return real[rank::many], z[rank::many], self.G, self.D
        real, y = (part[rank::many] for part in self.data.labelled(n * many, rng))
        z = latent(self.G, n * many, rng)[rank::many]
        return real, z, Given(self.G, y), Given(self.D, y)

    def _descend(self, optimiser, loss, player):
        """One step of one player down its own slope, averaged over the processes where there are several."""
        _check_loss(loss, player)
        weights = [w for w in optimiser.param_groups[0]["params"] if w.requires_grad]
        optimiser.zero_grad()
        if not processes.several():
            self._watch(loss, player, self.step)
            loss.backward(inputs=weights)  # the other player's weights get no gradient
        else:
            loss.backward(inputs=weights)
            loss = loss.detach().clone()
            processes.average([w.grad for w in weights if w.grad is not None] + [loss])
            self._watch(loss, player, self.step)  # the mean: all stop at it, in the same step
        optimiser.step()

    def _judge(self, D, *examples):
        with self._autocast():
            return [D(x).float() for x in examples]

    def _with_penalty(self, loss, D, real, fake):
        if self.penalty is None:
            return loss
        factor = 1.0 if self.penalty_schedule is None else self.penalty_schedule(self.step)
        return loss + self.penalty(D, real.float(), fake.float(), self._own_rng) * factor

    # ---------------------------------------------------------------- training

    def steps(self, n):
        """Train n steps; after each yield {"step", "d_loss", "g_loss", "real", "fake"}.

        Losses are scalar tensors, `real` and `fake` are D's logits in that step, all detached: reading
        a number out of them is the reader's choice (and, on a GPU, a wait).
        """
        n = whole("the number of steps", n)
        if n < 0:
            raise ValueError(f"cannot train {n} steps: the number must be 0 or more")
        self.G.train(), self.D.train()
        for _ in range(n):
            row = self._step()
            self.step += 1
            self.latest = {"step": self.step, **row}
            yield self.latest
        self.check_finite()

    def check_finite(self):
        """Raise NotFinite if a loss was not finite: training on a GPU asks only every 100 losses."""
        self._watch.look()

    def fit(self, n, *, every=1, progress=True):
        """Train n steps and return a row of numbers for each `every`-th and the last one.

        A row is `recording.numbers`. Ctrl-C (or Jupyter's stop button) ends after the step under way.
        """
        n, every = whole("the number of steps", n), whole("every", every)
        if every < 1:
            raise ValueError(f"every must be at least 1; got {every}")
        recorder, last = recording.Recorder(), self.step + n
        with recording.progress(self, n, show=progress) as steps:
            for now in steps:
                if now["step"] % every == 0:
                    recorder.look(self)
        if n > 0:
            recorder.look_once(self)
        if self.step < last:
            print(f"Stopped after step {self.step}. Call fit again to go on from here.")
        return recorder.rows

    # ---------------------------------------------------------------- looking: changes nothing

    @torch.no_grad()
    def sample(self, n, seed=0, y=None):
        """n generated examples [n, ...] in float32, from the averaged G where there is one.

        Where G has classes: of the class y, of the classes y [n], or of classes drawn as the data's are.
        """
        n, seed = whole("the number of samples", n), whole("seed", seed)
        if n < 1:
            raise ValueError(f"cannot draw {n} samples: ask for at least 1")
        rng = torch.Generator(self.device).manual_seed(seed)  # its own: training's is untouched
        G = self.G if self.average is None else self.average
        labels = self._labels(n, rng, y)
        sizes = [min(1000, n - i) for i in range(0, n, 1000)]
        with evaluating(G):
            return torch.cat([G(latent(G, k, rng), *ys) for k, *ys in zip(sizes, *labels)])

    def _labels(self, n, rng, y):
        """Class labels [n] in parts of 1000, as one argument more for G; none where G has no classes."""
        if not self._conditional():
            if y is not None:
                raise ValueError("this G has no classes: sample(n) without y")
            return []
        if y is None:
            y = self.data.labelled(n, rng)[1]
        y = torch.as_tensor(y, device=self.device).expand(n)
        if not ((y >= 0) & (y < self.G.n_classes)).all():
            raise ValueError(
                f"y must be classes from 0 to {self.G.n_classes - 1}; got {y.tolist()[:5]}"
            )
        return [y.split(1000)]

    # ---------------------------------------------------------------- state

    def state_dict(self):
        """All that training depends on: load it and the run goes on, bit for bit.

        A copy: a state kept in memory does not change when training goes on. On a GPU convolutions round
        in no fixed order: bit for bit needs torch.backends.cudnn.deterministic = True there.
        """
        return copy.deepcopy(
            {
                **({} if self.recipe is None else {"recipe": self.recipe.to_toml()}),
                "step": self.step,
                "rng": self.rng.get_state(),
                "global_rng": torch.get_rng_state(),  # layers such as dropout draw from it,
                **self._device_rng(),  # or on a GPU from its own
                "optimisers": [self.opt_G.state_dict(), self.opt_D.state_dict()],
                **{name: net.state_dict() for name, net in self._networks().items()},
            }
        )

    def load_state_dict(self, state):
        """Take over a state saved by `state_dict`; a state of other networks changes nothing.

        Step sizes and betas stay this trainer's: its fields are the recipe, the state is the rest.
        """
        _check_has(state, "step", "rng", "global_rng", "optimisers", *self._networks())
        for name, net in self._networks().items():
            check_fits(name, net, state)
        _check_optimisers((self.opt_G, self.opt_D), state["optimisers"])
        step = whole("the checkpoint's step", state["step"])
        for name in ("rng", "global_rng"):
            if getattr(state[name], "dtype", None) != torch.uint8:
                raise ValueError(f"{name} of the checkpoint is no state of a generator")
        state = copy.deepcopy(state)  # Adam would go on writing into the tensors it is given
        for name, net in self._networks().items():
            net.load_state_dict(state[name])
        for adam, saved in zip((self.opt_G, self.opt_D), state["optimisers"], strict=True):
            adam.load_state_dict({**adam.state_dict(), "state": saved["state"]})
        self.step, self.latest, self._watch = step, {}, _Watch(self.device)
        self._restore_rng(state["rng"].cpu(), state["global_rng"].cpu(), state.get("device_rng"))

    # ---------------------------------------------------------------- parts

    def _networks(self):
        nets = {"G": self.G, "D": self.D}
        return nets if self.average is None else {**nets, "average": self.average}

    def _part_ways(self):
        """Of several processes each draws its own dropout and points of a penalty; the batch is dealt."""
        if processes.several():
            seed = processes.own_seed(self.seed, self.step)
            torch.manual_seed(seed)
            self._own_rng = torch.Generator(self.device).manual_seed(seed)

    def _device_rng(self):
        if self.device.type != "cuda":
            return {}
        return {"device_rng": torch.cuda.get_rng_state(self.device)}

    def _restore_rng(self, mine, torchs, devices):
        torch.set_rng_state(torchs)
        if devices is not None and self.device.type == "cuda":
            torch.cuda.set_rng_state(devices.cpu(), self.device)
        if mine.shape == self.rng.get_state().shape:
            self.rng.set_state(mine)
        else:  # saved on another kind of device, whose draws cannot go on here: new ones
            self.rng.manual_seed(self.seed + self.step)

    def _adam(self, net, lr):
        fused = self.device.type != "mps"  # there only since torch 2.5
        return torch.optim.Adam(net.parameters(), lr=lr, betas=self.betas, fused=fused)

    def _autocast(self):
        if self.precision == torch.float32:
            return nullcontext()
        return torch.autocast(self.device.type, self.precision)

    def _conditional(self):
        return getattr(self.G, "n_classes", None) is not None

    def _set_step_sizes(self):
        factor = 1.0 if self.schedule is None else self.schedule(self.step)
        self.opt_G.param_groups[0]["lr"] = float(self.lr_g * factor)
        self.opt_D.param_groups[0]["lr"] = float(self.lr_d * factor)

    @torch.no_grad()
    def _update_average(self):
        if self.average is None:
            return
        decay = min(self.ema, (1 + self.step) / (10 + self.step))  # short memory at the start
        mine, theirs = list(self.average.parameters()), list(self.G.parameters())
        torch._foreach_lerp_(mine, theirs, 1 - decay)
        for average, now in zip(self.average.buffers(), self.G.buffers(), strict=True):
            average.copy_(now)  # batch norm's running statistics are averages already

    def _check_fields(self):
        make_plain(self)
        if self.ema is not None and not 0 <= self.ema < 1:
            raise ValueError(f"ema is a decay in [0, 1), such as 0.999; got {self.ema}")
        for name in ("penalty", "schedule", "penalty_schedule"):
            given = getattr(self, name)
            if not (given is None or callable(given)):
                raise TypeError(f"{name} must be a function; got {given!r}")
        if not (self.precision is None or isinstance(self.precision, torch.dtype)):
            raise TypeError(f"precision is a dtype such as torch.bfloat16; got {self.precision!r}")
        if not isinstance(self.loss, Loss):
            raise TypeError(f"loss must be a ganedu.losses.Loss pair; got {self.loss!r}")
        draw = "labelled" if self._conditional() else "sample"
        if not hasattr(self.data, draw):
            given = type(self.data).__name__
            raise TypeError(f"data must have .{draw}(n, rng), as ganedu.data has; got a {given}")
        if not (hasattr(self.G, "z_dim") or hasattr(self.G, "z_shape")):
            raise TypeError("G must say how long its z is: set G.z_dim = 2, say")

    @torch.no_grad()
    def _check_shapes(self):
        """Try everything once on one batch, so that a misfit is one sentence now."""
        rng, n = torch.Generator(self.device).manual_seed(0), self.batch
        real, z, G, D = self.deal(n, rng)
        if not (torch.is_floating_point(real) and torch.isfinite(real).all()):
            raise ValueError(f"data.sample must give finite floats; got {_in_words(real)}")
        if len(real) != n:
            raise ValueError(f"data.sample({n}, rng) must give {n} examples; it gave {len(real)}")
        with evaluating(self.G), evaluating(self.D):
            fake = G(z)
            if fake.shape != real.shape:
                raise ValueError(
                    f"G draws {list(fake.shape[1:])} and the data are {list(real.shape[1:])}: "
                    "a generator's output must have the shape of one real example"
                )
            if fake.dtype != real.dtype:
                raise TypeError(
                    f"G draws {fake.dtype} and the data are {real.dtype}: make the data .float()"
                )
            logits = D(real)
        if logits.ndim < 1 or len(logits) != n or (logits.ndim > 1 and logits.numel() == n):
            raise ValueError(
                f"D must return one logit an example, shape [n]; for n = {n} it returned "
                f"{list(logits.shape)}: end its forward with .flatten() or .squeeze(1)"
            )


class Given(nn.Module):
    """A network with the labels y [n] of a batch bound in: x -> net(x, y)."""

    def __init__(self, net, y):
        super().__init__()
        self.net, self.y = net, y

    def forward(self, x):
        return self.net(x, self.y)


WHOLE, REAL = ("batch", "d_steps", "seed", "steps"), ("lr_g", "lr_d", "ema")


def whole(name, value):
    """The value as Python's own whole number, numpy's included; what is none is one sentence."""
    return _as(int, name, value, "a whole number")


def real(name, value):
    """The value as Python's own float, numpy's included; what is none is one sentence."""
    return _as(float, name, value, "a number")


def _as(kind, name, value, words):
    try:
        plain = kind(value)
        fits = plain == value or (kind is float and math.isnan(plain))
    except (TypeError, ValueError, OverflowError, RuntimeError):
        fits = False
    if not fits:
        raise ValueError(f"{name} must be {words}; got {value!r:.80}")
    return plain


def check_seed(seed):
    """A seed that torch takes: 63 bits and a sign."""
    if not abs(seed) < 2**63:
        raise ValueError(f"seed must be of at most 63 bits; got {seed}")


def make_plain(fields):
    """Numbers among the fields as Python's own, numpy's included: what is saved must be readable again."""
    for name in WHOLE + REAL:
        if not hasattr(fields, name) or (name == "ema" and fields.ema is None):
            continue
        value = getattr(fields, name)
        if callable(value):  # the field `steps` alone: a trainer's is a method
            continue
        plain = whole(name, value) if name in WHOLE else real(name, value)
        if name not in ("seed", "ema") and not 0 < plain < math.inf:
            raise ValueError(f"{name} must be above 0{', and finite' * (plain > 0)}; got {plain}")
        if name == "seed":
            check_seed(plain)
        object.__setattr__(fields, name, plain)
    try:
        one, two = map(float, fields.betas)
    except (TypeError, ValueError):
        raise ValueError(f"betas must be two numbers; got {fields.betas!r}") from None
    object.__setattr__(fields, "betas", (one, two))


def cosine(steps):
    """A schedule: the factor falls from 1 to 0 at `steps`, along half a cosine."""
    return lambda step: 0.5 * (1 + math.cos(math.pi * min(1.0, step / steps)))


def geometric(steps, end):
    """A schedule: the factor falls from 1 to `end` at `steps`, by the same ratio at each step."""
    return lambda step: end ** min(1.0, step / steps)


def latent(G, n, rng):
    """z ~ N(0, 1): [n, *G.z_shape], on the generator's device."""
    shape = getattr(G, "z_shape", None) or (G.z_dim,)
    return torch.randn(n, *shape, generator=rng, device=rng.device)


@contextmanager
def evaluating(net):
    """Evaluation mode inside the block; afterwards every layer is in the mode it was in."""
    modes = [(layer, layer.training) for layer in net.modules()]
    net.eval()
    try:
        yield net
    finally:
        for layer, training in modes:
            layer.training = training


def _check_loss(loss, player):
    if getattr(loss, "ndim", None) != 0:
        given = f"shape {list(loss.shape)}" if isinstance(loss, torch.Tensor) else repr(loss)
        raise ValueError(
            f"the {player}'s loss must be a tensor of one number; got {given}: "
            "end it with .mean(), and return it"
        )


class _Watch:
    """Stops at the first loss that is not finite; on a GPU it looks only every 100 losses."""

    def __init__(self, device):
        self.patience = 1 if device.type == "cpu" else 100
        self.seen = []

    def __call__(self, loss, player, step):
        self.seen.append((loss.detach(), player, step + 1))
        if len(self.seen) >= self.patience:
            self.look()

    def look(self):
        seen, self.seen = self.seen, []
        if len(seen) == 1:
            values = [seen[0][0].item()]
        else:
            values = torch.stack([loss for loss, _, _ in seen]).tolist() if seen else []
        for value, (_, player, step) in zip(values, seen, strict=True):
            if not math.isfinite(value):
                raise NotFinite(
                    f"the {player}'s loss is {value} at step {step}. Look at the sign of each "
                    "term of the loss, at a log of something that can reach 0 (use softplus of "
                    "the logit), and at the step size."
                )


def find_device(name):
    """The device of that name; "auto": CUDA's, Apple's, or the CPU, in this order."""
    if name == "auto":
        apple = torch.backends.mps.is_available()
        name = "cuda" if torch.cuda.is_available() else "mps" if apple else "cpu"
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError):
        raise ValueError(f"there is no device {name!r} here: use auto, cpu, cuda or mps") from None


def _has_fast_bfloat16(device):
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    supported = getattr(torch.cpu, "_is_amx_tile_supported", None)  # absent before torch 2.5
    return device.type == "cpu" and supported is not None and supported()


def _in_words(x):
    bad = int((~torch.isfinite(x)).sum())
    return f"{x.dtype} of shape {list(x.shape)}, {bad} of the values NaN or infinite"


def _check_has(state, *names):
    if not isinstance(state, dict):
        raise TypeError(f"a state is a dictionary, of state_dict(); got a {type(state).__name__}")
    missing = [name for name in names if name not in state]
    if missing:
        found = sorted(map(str, state))[:8]
        raise ValueError(f"the checkpoint has no {', '.join(missing)}; it holds {found}")


def check_fits(name, net, state):
    """A sentence that names the first parameter in which `state[name]` and `net` differ."""
    mine, theirs = net.state_dict(), state[name]
    if not isinstance(theirs, dict):
        raise TypeError(
            f"the checkpoint's {name} is a {type(theirs).__name__}, not weights by name"
        )
    for key in [*mine, *theirs]:
        have = tuple(mine[key].shape) if key in mine else "nothing"
        given = tuple(getattr(theirs[key], "shape", ())) if key in theirs else "nothing"
        if have != given:
            raise ValueError(
                f"the checkpoint is of another network: {name}.{key} is {given} in it and {have} here"
            )


def _check_optimisers(ours, saved):
    """Adam's averages have the shapes of their weights: torch would write past their end."""
    try:
        for adam, state in zip(ours, saved, strict=True):
            weights = adam.param_groups[0]["params"]
            fits = all(
                average.shape in ((), weights[i].shape)
                for i, averages in state["state"].items()
                for average in averages.values()
            )
            if not fits:
                raise ValueError("of other shapes")
    except (TypeError, KeyError, IndexError, AttributeError, ValueError):
        raise ValueError("the checkpoint's optimisers are of other networks than these") from None
