"""From a run to a diagnosis: what was recorded, which pattern it fits, and the numbers that say so.

    run = record(trainer, 3000)
    print(doctor(run))

The doctor reads runs on mixtures, where every mode is known. It looks for one pattern after another, the
ones that explain most first, and says "unknown" when none fits: that too is an answer. Its
thresholds stand at the top; `benchmarks/doctor.py` measures how often it is right.
"""

import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from ganedu.data import Mixture
from ganedu.diagnostics import (
    health,
    kl_floor,
    memorisation,
    mode_coverage,
    movement,
    true_quality,
    within_modes,
)
from ganedu.files import replacing
from ganedu.recording import Recorder, progress
from ganedu.trainer import NotFinite

FAR = 5.0  # diverged: samples this many times as far out as the data
STILL = 0.03  # starved: G moved less than this share of the data's size since its first step
PERFECT = 0.97  # D too strong: it tells this share of examples right ...
POOR = 0.5  # ... while fewer than this share of samples are good
COPIED = 0.7  # memorisation: this share of samples nearer to a training than to a held-out example,
CLOSER = 0.5  # ... at less than this share of the distance
MOVING = 0.2  # oscillation: this share of samples changes its mode from look to look
ONE = 0.9  # full collapse: this share of samples at one mode, whichever, at each late look
MISSING = 0.1  # dropped: a mode with less than this share of what is due to it
UNEVEN = 0.06  # wrong proportions: reverse KL in nats
NARROW = 0.5  # collapse within modes: median width of the modes over the true one
LINE = 0.1  # ... or their median width in the narrowest direction
GOOD = 0.6  # healthy: at least this share of samples near a mode

BY_HAND = "stopped by hand"

FIRST = {
    "healthy": "nothing to mend; see whether other seeds agree",
    "full collapse": "see that G uses its z; then the relativistic loss with R1 + R2 (chapter 08)",
    "dropped modes": "count the training data; then the relativistic loss with R1 + R2 (chapter 08)",
    "wrong proportions": "count the training data: does G copy its proportions?",
    "collapse within modes": "see that z varies continuously and that the data were not smoothed",
    "oscillation": "step sizes that fall to zero, then R1 (chapter 04)",
    "memorisation": "more training data, or an earlier stop",
    "discriminator too strong": "the non-saturating loss, or a smaller step size for D",
    "generator starved": "G's optimiser and the gradient that reaches G (chapter 05)",
    "diverged": "the sign of each term of the loss, then the step size (chapter 05)",
    "unknown": "longer training; then data, scale and step sizes, one at a time",
}


@dataclass(frozen=True)
class Run:
    """A recorded run: numbers and samples at each look, the first one before the first step."""

    rows: list  # one for each look: step, losses, D's answers, and the two players' health
    samples: torch.Tensor  # [looks, n, d]: from the same z at every look
    truth: Mixture  # what should have been learned
    train: torch.Tensor | None = None  # the training set [N, d], where it is finite
    stopped: str = ""  # why the run ended early

    def save(self, path):
        """One small .npz file, called `path` as it stands: samples as float16."""
        columns = {f"row_{k}": [row[k] for row in self.rows] for k in self.rows[0]}
        mixture = {"means": self.truth.means, "std": self.truth.std, "weights": self.truth.weights}
        train = {} if self.train is None else {"train": self.train.numpy().astype(np.float32)}
        text = {"stopped": self.stopped, "name": self.truth.name}
        x = self.samples.numpy().clip(-6e4, 6e4).astype(np.float16)
        with replacing(path) as file:
            np.savez_compressed(file, samples=x, **columns, **mixture, **train, **text)

    @classmethod
    def load(cls, path):
        """The run that `save` wrote."""
        try:
            with np.load(Path(path).expanduser(), allow_pickle=False) as file:
                return cls._of({name: file[name] for name in file.files})
        except (ValueError, KeyError, AttributeError, EOFError, zipfile.BadZipFile):
            raise ValueError(f"{path} is not a whole recorded run, as Run.save writes it") from None

    @classmethod
    def _of(cls, file):
        columns = {k[4:]: x.tolist() for k, x in file.items() if k.startswith("row_")}
        rows = [dict(zip(columns, values)) for values in zip(*columns.values())]
        name, std = str(file["name"]), float(file["std"])
        truth = Mixture(torch.tensor(file["means"]), std, torch.tensor(file["weights"]), name)
        train = torch.tensor(file["train"]) if "train" in file else None
        samples = torch.tensor(file["samples"].astype(np.float32))
        return cls(rows, samples, truth, train, str(file["stopped"]))


def record(trainer, steps, *, truth=None, looks=20, n=1000, progress=True):
    """Train `steps` steps and look `looks` times on the way, at equal distances -> Run.

    `truth` is the mixture to judge by, the trainer's own data by default. A run that becomes infinite
    is a recorded run too. Ctrl-C ends it after the step under way.
    """
    truth = trainer.data if truth is None else truth
    if not isinstance(truth, Mixture):
        raise ValueError("record needs the true mixture to judge by: record(trainer, n, truth=...)")
    train = None if isinstance(trainer.data, Mixture) else trainer.data.x.cpu()
    due = {trainer.step + round(steps * i / looks) for i in range(looks + 1)}
    recorder = Recorder(measure=lambda trainer: asdict(health(trainer)), n=n)
    stopped = _watch(trainer, steps, due, recorder, progress)
    return Run(recorder.rows, torch.stack(recorder.samples).float(), truth, train, stopped)


def _watch(trainer, steps, due, recorder, show):
    """Train, and look at the steps that are due; why the run ended early, or ""."""
    end = trainer.step + steps
    recorder.look(trainer)
    try:
        with progress(trainer, steps, show=show) as training:
            for now in training:
                if now["step"] in due:
                    recorder.look(trainer)
    except NotFinite as error:
        return str(error)
    if trainer.step == end:
        return ""
    recorder.look_once(trainer)
    return f"{BY_HAND} at step {trainer.step}"


# ---- the diagnosis -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Diagnosis:
    """What the run suffers from, the numbers that say so, and what to try first."""

    name: str
    evidence: tuple  # sentences with numbers, the deciding one first
    first: str  # what to try first

    def __str__(self):
        lines = [self.name, *[f"  {sentence}" for sentence in self.evidence]]
        return "\n".join([*lines, f"  first: {self.first}"])


def doctor(run):
    """Read a recorded run -> Diagnosis: the first pattern of `PATTERNS` that fits it."""
    by_itself = run.stopped and not run.stopped.startswith(BY_HAND)
    if by_itself or not torch.isfinite(run.samples).all():
        return _say("diverged", [run.stopped or "the samples hold NaN or infinite values"])
    signs = Signs.of(run)
    for name, pattern in PATTERNS.items():
        evidence = pattern(signs)
        if evidence:
            return _say(name, [evidence, *signs.summary()])
    return _say("unknown", ["no pattern that the doctor knows fits", *signs.summary()])


def _say(name, evidence):
    return Diagnosis(name, tuple(evidence), FIRST[name])


@dataclass(frozen=True)
class Signs:
    """All that the doctor measures of a run; "late" means over the last third of its looks."""

    coverage: object  # ModeCoverage at the last look
    within: object  # WithinModes at the last look
    shares: torch.Tensor  # late: share of the samples nearest to each mode [looks, k]
    movement: object  # late: Movement
    memory: object  # Memorisation, or None without a finite training set
    reach: float  # median distance of samples from the centre, over that of the data
    moved: float  # median way of a sample since the first look, over the size of the data
    d_accuracy: float  # late: mean share of examples that D tells right

    @classmethod
    def of(cls, run):
        """Measure everything once."""
        last, truth = run.samples[-1], run.truth
        late = max(2, round(len(run.samples) / 3))
        near = torch.stack([mode_coverage(x, truth).near for x in run.samples[-late:]])
        accuracy = [row["d_accuracy"] for row in run.rows[-late:]]
        real = truth.sample(2000, torch.Generator().manual_seed(0))
        centre = real.mean(0)
        size = (real - centre).norm(dim=1).median().item()
        return cls(
            coverage=mode_coverage(last, truth),
            within=within_modes(last, truth),
            shares=near / near.sum(1, keepdim=True),
            movement=movement(near),
            memory=_memory(last, run.train, truth),
            reach=(last - centre).norm(dim=1).median().item() / size,
            moved=(last - run.samples[0]).norm(dim=1).median().item() / size,
            d_accuracy=sum(accuracy) / len(accuracy),
        )

    def summary(self):
        """The main numbers, whatever the diagnosis is."""
        c = self.coverage
        floor = kl_floor(c.of, int(c.near.sum()))
        return [
            f"{c.modes} of {c.of} modes found; {c.quality:.1%} of the samples near a mode "
            f"(the truth: {true_quality():.1%})",
            f"reverse KL {c.reverse_kl:.3f} nats (a perfect sampler: {floor:.3f})",
            f"D tells {self.d_accuracy:.0%} of examples right (guessing: 50%)",
        ]


def _memory(fake, train, truth):
    """Memorisation against as many fresh real points; None without a finite training set."""
    if train is None:
        return None
    rng = torch.Generator().manual_seed(7_220_517)  # a seed that no training set was drawn with
    return memorisation(fake, train, truth.sample(len(train), rng))


# ---- the patterns: a sentence with the deciding numbers, or "" where the pattern does not fit --------


def diverged(s):
    """Samples far outside all data."""
    if s.reach > FAR:
        return f"half of the samples lie more than {s.reach:.0f} times as far out as the data"
    return ""


def starved(s):
    """G is where it began."""
    if s.moved < STILL and s.coverage.quality < POOR:
        return (
            f"from the first look to the last, G moved its samples by {s.moved:.1%} of the size "
            "of the data: it did not learn"
        )
    return ""


def memorised(s):
    """Samples sit on training examples."""
    if s.memory and s.memory.nearer > COPIED and s.memory.ratio < CLOSER:
        return (
            f"{s.memory.nearer:.0%} of the samples are nearer to a training example than to a "
            f"held-out one (fresh samples: 50%), at {s.memory.ratio:.2f} times the distance"
        )
    return ""


def collapsed(s):
    """One mode has nearly everything, at each late look."""
    top = s.shares.max(1)  # [looks] values, [looks] modes
    if top.values.min() <= ONE:
        return ""
    visited = len(top.indices.unique())
    hops = f", not always the same: it went round {visited}" if visited > 1 else ""
    return (
        f"{top.values[-1]:.0%} of the samples are nearest to one mode of {s.coverage.of}; one had "
        f"nearly all at each of the last {len(s.shares)} looks{hops}"
    )


def too_strong(s):
    """D always right, G lost."""
    if s.d_accuracy > PERFECT and s.coverage.quality < POOR:
        return (
            f"D tells {s.d_accuracy:.1%} of examples right to the end, while only "
            f"{s.coverage.quality:.1%} of G's samples are near a mode"
        )
    return ""


def oscillating(s):
    """The shares of modes go on moving."""
    m = s.movement
    if m.change > MOVING and m.change > 4 * m.floor:
        return (
            f"from one look to the next {m.change:.0%} of the samples move to another mode (sampling "
            f"alone: {m.floor:.0%}); modes visited lately: {m.ever}, at the last look: {m.now}"
        )
    return ""


def dropped(s):
    """Some modes have next to nothing; what is made is good."""
    c = s.coverage
    due = c.weights * c.counts.sum()
    missing = int(((c.counts < MISSING * due) & (due >= 10)).sum())
    if missing and c.quality >= POOR:
        have = "modes has" if missing == 1 else "modes have"
        return f"{missing} of {c.of} {have} less than a tenth of what is due"
    return ""


def shrunk(s):
    """Modes are points or lines."""
    spread, narrow = s.within.spread.nanmedian().item(), s.within.narrow.nanmedian().item()
    if (spread < NARROW or narrow < LINE) and s.coverage.quality >= POOR:
        return (
            f"the modes are {spread:.2f} times as wide as the true ones, and {narrow:.2f} times in "
            "their narrowest direction (medians; right: 1)"
        )
    return ""


def uneven(s):
    """All modes are there, in wrong shares."""
    c = s.coverage
    if c.reverse_kl > UNEVEN and c.quality >= POOR:
        due = s.shares[-1] / c.weights
        return (
            f"the shares of the modes are off by {c.reverse_kl:.2f} nats: one has {due.max():.1f} "
            f"times its due, another {due.min():.1f} times"
        )
    return ""


def healthy(s):
    """Everything is there, in its place and proportion."""
    if s.coverage.quality >= GOOD:
        return "all modes are there, in about the right shares and widths, and they stay"
    return ""


PATTERNS = {
    "diverged": diverged,
    "generator starved": starved,
    "memorisation": memorised,
    "full collapse": collapsed,
    "discriminator too strong": too_strong,
    "oscillation": oscillating,
    "dropped modes": dropped,
    "collapse within modes": shrunk,
    "wrong proportions": uneven,
    "healthy": healthy,
}
