"""The alternation: one step for D, one for G, again. Nothing here knows images, files or plots.

    trainer = Trainer(G=MLPGenerator(), D=MLPDiscriminator(), data=ring(8))
    rows = trainer.fit(3000, every=100)

`steps` is the loop itself, an iterator, so that the reader's own loop stays in charge; `fit` runs it.
"""

import copy
import math
import signal
import threading
from collections.abc import Callable
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

import torch
from torch import nn
from tqdm.auto import tqdm

from ganedu.losses import Loss, nonsaturating


class NotFinite(RuntimeError):
    """A loss became infinite or NaN; the message says when, whose, and what to look at."""


@dataclass(kw_only=True)
class Trainer:
    """A training recipe: the fields are all of it, `state_dict` is all of its state."""

    G: nn.Module  # z -> x, with .z_dim (and .z_shape if z is not [n, z_dim])
    D: nn.Module  # x -> logits [n]
    data: object  # .sample(n, rng) -> [n, ...]
    loss: Loss = nonsaturating  # what each player minimises
    penalty: Callable | None = None  # (D, real, fake, rng) -> scalar, added to D's loss
    batch: int = 128  # examples in each step
    lr_g: float = 2e-4  # Adam's step size for G
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
        self._check_numbers()
        self.device = torch.device(_find_device() if self.device == "auto" else self.device)
        convolutional = any(p.ndim == 4 for p in self.G.parameters())
        if self.precision is None:
            fast = convolutional and _has_fast_bfloat16(self.device)
            self.precision = torch.bfloat16 if fast else torch.float32
        layout = torch.channels_last if convolutional else torch.preserve_format
        self.G.to(self.device, memory_format=layout)
        self.D.to(self.device, memory_format=layout)
        self._check_shapes()
        self.average = None if self.ema is None else copy.deepcopy(self.G).eval()
        self.opt_G = self._adam(self.G, self.lr_g)
        self.opt_D = self._adam(self.D, self.lr_d)
        self.rng = torch.Generator(self.device).manual_seed(self.seed)
        self.step = 0

    # ---------------------------------------------------------------- training

    def steps(self, n):
        """Train n steps; after each yield {"step", "d_loss", "g_loss", "real", "fake"}.

        Losses are scalar tensors, `real` and `fake` are D's logits [batch] in that step, all
        detached: reading a number out of them is the reader's choice (and, on a GPU, a wait).
        """
        if n < 0:
            raise ValueError(f"cannot train {n} steps: the number must be 0 or more")
        self.G.train(), self.D.train()
        watch = _Watch(self.device)
        for _ in range(n):
            row = self._step(watch)
            self.step += 1
            yield {"step": self.step, **row}
        watch.look()

    def _step(self, watch):
        self._schedule_lr()
        for _ in range(self.d_steps - 1):
            self._d_step(*self._draw(with_graph=False), watch)
        real, fake = self._draw(with_graph=True)  # one batch of fakes serves both players
        row = self._d_step(real, fake.detach(), watch)
        row["g_loss"] = self._g_step(real, fake, watch)
        if self.average is not None:
            self._update_average()
        return row

    def _draw(self, with_graph):
        """A batch of real examples and one of fakes, both [batch, ...]."""
        real = self.data.sample(self.batch, self.rng)
        z = latent(self.G, self.batch, self.rng)
        with torch.set_grad_enabled(with_graph), self._autocast():
            return real, self.G(z)

    def _d_step(self, real, fake, watch):
        with self._autocast():
            real_logits, fake_logits = self.D(real).float(), self.D(fake).float()
        loss = total = self.loss.d(real_logits, fake_logits)
        if self.penalty is not None:
            factor = 1.0 if self.penalty_schedule is None else self.penalty_schedule(self.step)
            total = loss + factor * self.penalty(self.D, real.float(), fake.float(), self.rng)
        watch(total, "discriminator", self.step)
        _descend(self.opt_D, total)
        return {"d_loss": loss.detach(), "real": real_logits.detach(), "fake": fake_logits.detach()}

    def _g_step(self, real, fake, watch):
        judged = [real, fake] if self.loss.g_sees_real else [fake]
        with frozen(self.D):  # gradients pass through D to G; D itself needs none
            with self._autocast():
                logits = [self.D(x).float() for x in judged]
            loss = self.loss.g(*logits)
            watch(loss, "generator", self.step)
            _descend(self.opt_G, loss)
        return loss.detach()

    def fit(self, n, *, every=1, progress=True):
        """Train n steps and return a row of numbers for each `every`-th and the last one.

        A row: step, d_loss, g_loss, and d_real, d_fake: the mean of D = sigmoid(logit) on the real
        and the generated batch. Ctrl-C (or Jupyter's stop button) ends after the step under way.
        """
        if every < 1:
            raise ValueError(f"every must be at least 1; got {every}")
        rows, last = [], self.step + n
        with (
            stop_on_ctrl_c() as stop,
            tqdm(total=n, leave=False, delay=1, disable=not progress) as bar,
        ):
            for row in self.steps(n):
                bar.update()
                if row["step"] % every == 0 or row["step"] == last or stop.is_set():
                    rows.append(numbers(row))
                if stop.is_set():
                    print(f"Stopped after step {self.step}. Call fit again to go on from here.")
                    break
        return rows

    # ---------------------------------------------------------------- looking: changes nothing

    @torch.no_grad()
    def sample(self, n, seed=0):
        """n generated examples [n, ...] in float32, from the averaged G where there is one."""
        if n < 1:
            raise ValueError(f"cannot draw {n} samples: ask for at least 1")
        rng = torch.Generator(self.device).manual_seed(seed)  # its own: training's is untouched
        G = self.G if self.average is None else self.average
        with evaluating(G):
            return torch.cat([G(latent(G, min(1000, n - i), rng)) for i in range(0, n, 1000)])

    # ---------------------------------------------------------------- state

    def state_dict(self):
        """All that training depends on: load it and the run goes on, bit for bit.

        A copy: a state kept in memory does not change when training goes on.
        """
        return copy.deepcopy(
            {
                "step": self.step,
                "rng": self.rng.get_state(),
                "global_rng": torch.get_rng_state(),  # layers such as dropout draw from it
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
            _check_fits(name, net, state)
        state = copy.deepcopy(state)  # Adam would go on writing into the tensors it is given
        for name, net in self._networks().items():
            net.load_state_dict(state[name])
        for adam, saved in zip((self.opt_G, self.opt_D), state["optimisers"], strict=True):
            adam.load_state_dict({**adam.state_dict(), "state": saved["state"]})
        self.step = state["step"]
        self._restore_rng(state["rng"].cpu(), state["global_rng"].cpu())

    # ---------------------------------------------------------------- parts

    def _networks(self):
        nets = {"G": self.G, "D": self.D}
        return nets if self.average is None else {**nets, "average": self.average}

    def _restore_rng(self, mine, torchs):
        torch.set_rng_state(torchs)
        if mine.shape == self.rng.get_state().shape:
            self.rng.set_state(mine)
        else:  # saved on another kind of device, whose draws cannot go on here: new ones
            self.rng.manual_seed(self.seed + self.step)

    def _adam(self, net, lr):
        return torch.optim.Adam(net.parameters(), lr=lr, betas=self.betas, fused=True)

    def _autocast(self):
        if self.precision == torch.float32:
            return nullcontext()
        return torch.autocast(self.device.type, self.precision)

    def _schedule_lr(self):
        if self.schedule is not None:
            factor = self.schedule(self.step)
            self.opt_G.param_groups[0]["lr"] = self.lr_g * factor
            self.opt_D.param_groups[0]["lr"] = self.lr_d * factor

    @torch.no_grad()
    def _update_average(self):
        decay = min(self.ema, (1 + self.step) / (10 + self.step))  # short memory at the start
        mine, theirs = list(self.average.parameters()), list(self.G.parameters())
        torch._foreach_lerp_(mine, theirs, 1 - decay)
        for average, now in zip(self.average.buffers(), self.G.buffers(), strict=True):
            average.copy_(now)  # batch norm's running statistics are averages already

    def _check_numbers(self):
        for name in ("batch", "d_steps", "lr_g", "lr_d"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be above 0; got {getattr(self, name)}")
        if self.ema is not None and not 0 <= self.ema < 1:
            raise ValueError(f"ema is a decay in [0, 1), such as 0.999; got {self.ema}")
        if not isinstance(self.loss, Loss):
            raise TypeError(f"loss must be a ganedu.losses.Loss pair; got {self.loss!r}")
        if not hasattr(self.data, "sample"):
            given = type(self.data).__name__
            raise TypeError(f"data must have .sample(n, rng), as ganedu.data has; got a {given}")
        if not (hasattr(self.G, "z_dim") or hasattr(self.G, "z_shape")):
            raise TypeError("G must say how long its z is: set G.z_dim = 2, say")

    @torch.no_grad()
    def _check_shapes(self):
        """Try everything once on one batch, so that a misfit is one sentence now."""
        rng, n = torch.Generator(self.device).manual_seed(0), self.batch
        real = self.data.sample(n, rng)
        if not (torch.is_floating_point(real) and torch.isfinite(real).all()):
            raise ValueError(f"data.sample must give finite floats; got {_in_words(real)}")
        if len(real) != n:
            raise ValueError(f"data.sample({n}, rng) must give {n} examples; it gave {len(real)}")
        with evaluating(self.G), evaluating(self.D):
            fake = self.G(latent(self.G, n, rng))
            if fake.shape != real.shape:
                raise ValueError(
                    f"G draws {list(fake.shape[1:])} and the data are {list(real.shape[1:])}: "
                    "a generator's output must have the shape of one real example"
                )
            logits = self.D(real)
        if logits.shape != (n,):
            raise ValueError(
                f"D must return one logit an example, shape [n]; for n = {n} it returned "
                f"{list(logits.shape)}: end its forward with .flatten() or .squeeze(1)"
            )


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


def numbers(row):
    """A row of `steps` (tensors) as plain numbers."""
    return {
        "step": row["step"],
        "d_loss": row["d_loss"].item(),
        "g_loss": row["g_loss"].item(),
        "d_real": row["real"].sigmoid().mean().item(),
        "d_fake": row["fake"].sigmoid().mean().item(),
    }


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


@contextmanager
def frozen(net):
    """No gradients for `net` inside the block; afterwards for those weights that had them before."""
    learned = [weight for weight in net.parameters() if weight.requires_grad]
    for weight in learned:
        weight.requires_grad_(False)
    try:
        yield net
    finally:
        for weight in learned:
            weight.requires_grad_(True)


@contextmanager
def stop_on_ctrl_c():
    """An event that the first Ctrl-C sets, so that a step is never left half done.

    In a thread, or where a program handles Ctrl-C in its own way, nothing is changed.
    """
    asked = threading.Event()
    in_a_thread = threading.current_thread() is not threading.main_thread()
    if in_a_thread or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield asked
        return

    def ask(signum, frame):
        if asked.is_set():
            raise KeyboardInterrupt  # the second time: at once
        asked.set()

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield asked
    finally:
        signal.signal(signal.SIGINT, before)


class _Watch:
    """Stops at the first loss that is not finite; on a GPU it looks only every 100 losses."""

    def __init__(self, device):
        self.patience = 1 if device.type == "cpu" else 100
        self.seen = []

    def __call__(self, loss, player, step):
        if getattr(loss, "ndim", None) != 0:
            given = f"shape {list(loss.shape)}" if isinstance(loss, torch.Tensor) else repr(loss)
            raise ValueError(
                f"the {player}'s loss must be a tensor of one number; got {given}: "
                "end it with .mean(), and return it"
            )
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


def _descend(optimiser, loss):
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()


def _find_device():
    return "cuda" if torch.cuda.is_available() else "cpu"


def _has_fast_bfloat16(device):
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    supported = getattr(torch.cpu, "_is_amx_tile_supported", None)  # absent before torch 2.5
    return device.type == "cpu" and supported is not None and supported()


def _in_words(x):
    bad = int((~torch.isfinite(x)).sum())
    return f"{x.dtype} of shape {list(x.shape)}, {bad} of the values NaN or infinite"


def _check_has(state, *names):
    missing = [name for name in names if name not in state]
    if missing:
        found = sorted(map(str, state))[:8]
        raise ValueError(f"the checkpoint has no {', '.join(missing)}; it holds {found}")


def _check_fits(name, net, state):
    """A sentence that names the first parameter in which `state[name]` and `net` differ."""
    mine, theirs = net.state_dict(), state[name]
    for key in [*mine, *theirs]:
        have = tuple(mine[key].shape) if key in mine else "nothing"
        given = tuple(theirs[key].shape) if key in theirs else "nothing"
        if have != given:
            raise ValueError(
                f"the checkpoint is of another network: {name}.{key} is {given} in it and {have} here"
            )
