"""From a run to a diagnosis: what was recorded, which pattern it fits, and the numbers that say so.

    run = record(trainer, 3000)
    print(doctor(run))

The doctor knows the truth: a mixture, or anything with `.sample` and `.log_prob`. It looks for one pattern
after another, the ones that explain most first. It says "healthy" only of samples whose every number lies
inside the spread of 200 perfect samplers, drawn from the truth (`ganedu.diagnostics.perfect`);
else "nearly healthy", with what is not, or "unknown": that too is an answer.

Its thresholds stand at the top: from what size on a fault has a name. `benchmarks/doctor.py` measures how
often it is right. Pictures have no known density: `record(..., judge=..., held_out=...)` keeps a
`PictureRun`, which the same doctor reads by the signs of `ganedu.diagnostics.pictures`.
"""

import math
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from ganedu.data import Mixture
from ganedu.diagnostics import (
    health,
    in_tail,
    memorisation,
    mode_coverage,
    movement,
    within_modes,
)
from ganedu.diagnostics.perfect import Luck, Reference, as_saved, perfect, vitals
from ganedu.diagnostics.pictures import PictureRun
from ganedu.files import replacing
from ganedu.recording import Recorder, progress
from ganedu.trainer import NotFinite, whole

FAR = 5.0  # diverged: samples this many times as far out as the data
STILL = 0.03  # starved: G moved less than this share of the data's size since its first step
PERFECT = 0.97  # D too strong: it tells this share of examples right ...
POOR = 0.5  # ... while fewer than this share of samples are good
COPIED = 0.7  # memorisation: this share of samples nearer to a training than to a held-out example,
CLOSER = 0.5  # ... at less than this share of the distance
MOVING = 0.2  # oscillation: typically this share of samples changes its mode from look to look
ELSEWHERE = (
    0.1  # full collapse: less than this share of what is due to all other modes, at each look
)
MISSING = 0.1  # dropped: a mode with less than this share of what is due to it
UNEVEN = 0.05  # wrong proportions: reverse KL above that of a perfect sampler, in nats
NARROW = 0.5  # collapse within modes: typical width of the modes over the true one
LINE = 0.1  # ... or their width in the narrowest direction
GOOD = 0.75  # nearly healthy: at least this share of samples near a mode,
WIDTHS = 0.5, 2.2  # ... of about the right width
BESIDE = 2.5  # ... and modes fewer than so many standard deviations beside their places

FEWEST = 200  # held-out pictures that are enough to halve

BY_HAND = "stopped by hand"

FIRST = {
    "healthy": "nothing to mend; see whether other seeds agree",
    "nearly healthy": "longer training with falling steps; then the data",
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
    truth: Mixture  # what should have been learned (or another distribution with .log_prob)
    train: torch.Tensor | None = None  # the training set [N, d], where it is finite
    stopped: str = ""  # why the run ended early
    end: torch.Tensor | None = None  # many more samples of the last look [m, d]

    @property
    def last(self):
        """All that is known of the end: [m, d]."""
        return self.samples[-1] if self.end is None else self.end

    def signs(self):
        """What the doctor reads -> Signs."""
        return Signs.of(self)

    def save(self, path):
        """One small .npz file, called `path` as it stands: samples as float16. For mixtures."""
        if not isinstance(self.truth, Mixture):
            raise ValueError("only runs on a Mixture can be kept in a file")
        columns = {f"row_{k}": [row[k] for row in self.rows] for k in self.rows[0]}
        mixture = {"means": self.truth.means, "std": self.truth.std, "weights": self.truth.weights}
        more = {} if self.train is None else {"train": self.train.numpy().astype(np.float32)}
        more |= {} if self.end is None else {"end": as_saved(self.end).numpy().astype(np.float16)}
        text = {"stopped": self.stopped, "name": self.truth.name}
        x = self.samples.numpy().clip(-6e4, 6e4).astype(np.float16)
        with replacing(path) as file:
            np.savez_compressed(file, samples=x, **columns, **mixture, **more, **text)

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
        std = torch.tensor(file["std"]) if file["std"].ndim else float(file["std"])
        means, weights = torch.tensor(file["means"]), torch.tensor(file["weights"])
        truth = Mixture(means, std, weights, str(file["name"]))
        train = torch.tensor(file["train"]) if "train" in file else None
        end = torch.tensor(file["end"].astype(np.float32)) if "end" in file else None
        samples = torch.tensor(file["samples"].astype(np.float32))
        return cls(rows, samples, truth, train, str(file["stopped"]), end)


def record(
    trainer,
    steps,
    *,
    truth=None,  # of points: the distribution to judge by (default: the trainer's own data)
    judge=None,  # of pictures: a classifier, pictures [n, C, H, W] -> logits [n, classes]
    held_out=None,  # of pictures: real ones that G never sees, Images or [N, C, H, W]
    looks=20,
    n=1000,
    many=5000,
    progress=True,
):
    """Train `steps` steps and look `looks` times on the way, at equal distances -> Run or PictureRun.

    Points are judged by the `truth`, pictures by a `judge` and `held_out` pictures. `many` samples are
    drawn after the last look, for the verdict. A run that becomes infinite is a recorded run too. Ctrl-C
    ends it after the step under way.
    """
    pictures = judge is not None or held_out is not None
    real = (
        _real_pictures(trainer, judge, held_out, truth)
        if pictures
        else _distribution(trainer, truth)
    )
    train = trainer.data.x.cpu() if hasattr(trainer.data, "x") else None
    steps, looks = whole("the number of steps", steps), whole("looks", looks)
    if looks < 1:
        raise ValueError(f"record looks once or more often; got looks = {looks}")
    due = {trainer.step + round(steps * i / looks) for i in range(looks + 1)}
    recorder = Recorder(measure=lambda trainer: asdict(health(trainer)), n=n)
    stopped = _watch(trainer, steps, due, recorder, progress)
    failed = stopped and not stopped.startswith(BY_HAND)
    end = None if failed else trainer.sample(many).float().cpu()
    samples = torch.stack(recorder.samples).float()
    if not pictures:
        return Run(recorder.rows, samples, real, train, stopped, end)
    return PictureRun.of(recorder.rows, samples, real, train, stopped, end, judge=judge)


def _distribution(trainer, truth):
    """The truth that points are judged by."""
    truth = trainer.data if truth is None else truth
    if not (hasattr(truth, "sample") and hasattr(truth, "log_prob")):
        raise ValueError(
            "record needs the true distribution to judge by, with .sample and .log_prob, such as a "
            "Mixture: record(trainer, n, truth=...); or, for pictures, a classifier and real pictures "
            "that G never sees: record(trainer, n, judge=..., held_out=...)"
        )
    return truth


def _real_pictures(trainer, judge, held_out, truth):
    """The pictures [N, C, H, W] that those of G are judged by."""
    if judge is None or held_out is None or truth is not None:
        raise ValueError(
            "pictures are judged by a classifier and by real pictures that G never sees, both, and by "
            "no truth: record(trainer, n, judge=..., held_out=...)"
        )
    real = torch.as_tensor(getattr(held_out, "x", held_out)).float().cpu()
    made = trainer.sample(1).shape[1:]
    if real.ndim != 4 or real.shape[1:] != made or len(real) < FEWEST:
        raise ValueError(
            f"held_out must be {FEWEST} pictures [N, {', '.join(map(str, made))}] or more, as G's; got "
            f"{list(real.shape)}"
        )
    with torch.no_grad():
        named = judge(real[:2])
    if named.ndim != 2 or len(named) != 2 or named.shape[1] < 2:
        raise ValueError(f"the judge must give logits [n, classes]; got {list(named.shape)}")
    return real


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
    but: str = ""  # of a nearly healthy run: what is not, in a word and a number

    def __str__(self):
        head = f"{self.name}, {self.but}" if self.but else self.name
        lines = [head, *[f"  {sentence}" for sentence in self.evidence]]
        return "\n".join([*lines, f"  first: {self.first}"])


def doctor(run):
    """Read a recorded run, of points or of pictures -> Diagnosis: the first pattern that fits it."""
    by_itself = run.stopped and not run.stopped.startswith(BY_HAND)
    if by_itself or not torch.isfinite(run.samples).all():
        return _say("diverged", [run.stopped or "the samples hold NaN or infinite values"])
    return diagnose(run.signs())


def diagnose(signs):
    """The first pattern that fits what was measured; else healthy, nearly healthy or unknown."""
    for name, pattern in signs.patterns().items():
        evidence = pattern(signs)
        if evidence:
            return _say(name, [evidence, *signs.summary()])
    return _unnamed(signs)


def _unnamed(s):
    """Healthy, nearly healthy or unknown: what is left when no pattern fits."""
    faults = s.faults()
    if not faults:
        return _say("healthy", [s.inside(), *s.summary()])
    sentences = [sentence for _, sentence in faults[:3]]
    if s.nearly():
        return _say("nearly healthy", [*sentences, *s.summary()], faults[0][0])
    return _say("unknown", ["no pattern that the doctor knows fits", *sentences, *s.summary()])


def _say(name, evidence, but=""):
    return Diagnosis(name, tuple(evidence), FIRST[name], but)


@dataclass(frozen=True)
class Signs:
    """All that the doctor measures of a run; "late" means over the last third of its looks."""

    n: int  # samples at the end
    coverage: object  # ModeCoverage at the end
    within: object  # WithinModes at the end
    shares: torch.Tensor  # late: share of the samples nearest to each mode [looks, k]
    movement: object  # late: Movement
    memory: object  # Memorisation, or None without a finite training set
    tail: float  # share of samples suspiciously near to a training example: fresh ones 0.01
    reach: float  # median distance of samples from the centre, over that of the data
    size: float  # median distance of samples from their own middle, over that of the data
    moved: float  # median way of a sample since the first look, over the size of the data
    d_accuracy: float  # late: mean share of examples that D tells right
    vitals: dict  # the numbers that a perfect sampler's are held against,
    luck: Luck  # ... and those

    @classmethod
    def of(cls, run):
        """Measure everything once."""
        reference = Reference.of(run.truth)
        modes, last = reference.modes, run.last
        late = max(2, round(len(run.samples) / 3))
        near = torch.stack([mode_coverage(x, modes).near for x in run.samples[-late:]])
        accuracy = [row["d_accuracy"] for row in run.rows[-late:]]
        real = run.truth.sample(2000, torch.Generator().manual_seed(0))
        centre, size = real.mean(0), _size(real, real.mean(0))
        return cls(
            n=len(last),
            coverage=mode_coverage(last, modes, reference.radius),
            within=within_modes(last, modes, sigmas=reference.radius),
            shares=near / near.sum(1, keepdim=True),
            movement=movement(near),
            memory=_memory(last[:1000], run.train, run.truth),
            tail=_tail(last, run.train, run.truth),
            reach=_size(last, centre) / size,
            size=_size(last, last.median(0).values) / size,
            moved=(run.samples[-1] - run.samples[0]).norm(dim=1).median().item() / size,
            d_accuracy=sum(accuracy) / len(accuracy),
            vitals=vitals(last, reference),
            luck=perfect(reference, len(last)),
        )

    def patterns(self):
        """{diagnosis: pattern}, in the order in which they are asked."""
        return PATTERNS

    def summary(self):
        """The main numbers, whatever the diagnosis is."""
        c, luck = self.coverage, self.luck.mean
        found = f"{c.modes} of {c.of} modes found"
        if c.modes < c.of and self.empty_by_luck() > 0.01:
            found += f" (so few in {self.empty_by_luck():.0%} of perfect samplers: draw more)"
        return [
            f"{found}; {c.quality:.1%} of the samples near a mode (the truth: "
            f"{1 - luck['junk']:.1%})",
            f"reverse KL {c.reverse_kl:.3f} nats (a perfect sampler: {luck['shares']:.3f})",
            f"D tells {self.d_accuracy:.0%} of examples right (guessing: 50%)",
        ]

    def empty_by_luck(self):
        """How often a perfect sampler would leave so many modes without a good sample."""
        c = self.coverage
        due = c.weights[c.weights > 0].double() * c.counts.sum()
        return _poisson_at_least(c.of - c.modes - int((c.weights == 0).sum()), (-due).exp().sum())

    def faults(self):
        """What lies outside the spread of perfect samplers: [(in a word, in a sentence), ...]."""
        z = self.luck.z(self.vitals)
        outside = [name for name in FAULTS if z[name] > self.luck.worst]
        outside.sort(key=lambda name: (name in CONSEQUENCES, -z[name]))
        copies = [self.copies()] if self.tail > 0.01 + 4 * math.sqrt(0.01 * 0.99 / self.n) else []
        return copies + [FAULTS[name](self.vitals[name], self.luck.mean[name]) for name in outside]

    def inside(self):
        """Why it is healthy."""
        z = max(self.luck.z(self.vitals).values())
        return (
            f"all modes are there, and no number is further out than {max(z, 0):.1f} standard deviations "
            f"of perfect samplers (the limit: {self.luck.worst:.1f})"
        )

    def nearly(self):
        """Most of it is right."""
        width = self.vitals["width"] / self.luck.mean["width"]
        beside = self.vitals["offset"] < BESIDE and WIDTHS[0] < width < WIDTHS[1]
        return self.coverage.quality >= GOOD and beside

    def copies(self):
        share = (self.tail - 0.01) / 0.99
        return f"{share:.0%} copies", (
            f"{self.tail:.1%} of the samples are nearer to a training example than 99% of fresh ones"
        )


def _size(x, centre):
    return (x - centre).norm(dim=1).median().item()


def _memory(fake, train, truth):
    """Memorisation against as many fresh real points; None without a finite training set."""
    if train is None:
        return None
    rng = torch.Generator().manual_seed(7_220_517)  # a seed that no training set was drawn with
    return memorisation(fake, train, truth.sample(len(train), rng))


def _tail(fake, train, truth):
    """The share of copies, of which fresh samples have .01."""
    if train is None:
        return 0.0
    return in_tail(fake, train, truth.sample(5000, torch.Generator().manual_seed(7_220_516)))


def _poisson_at_least(n, due):
    """P(n or more) where `due` are due on average."""
    return float(torch.special.gammainc(torch.tensor(float(n)), due)) if n > 0 else 1.0


# ---- what a nearly healthy run has: in a word, and in a sentence --------------------------------------


def _ratio(value, usual):
    return f"modes {value / usual:.2g} times as wide as they should be"


FAULTS = {
    "junk": lambda x, usual: (
        f"{x:.0%} junk",
        f"{x:.1%} of the samples lie outside every mode (a perfect sampler: {usual:.1%})",
    ),
    "shares": lambda x, usual: (
        f"shares off by {x - usual:.2f} nats",
        f"the shares of the modes are off by {x:.3f} nats (a perfect sampler: {usual:.3f})",
    ),
    "shift": lambda x, usual: (
        f"all samples moved by {x:.1f} standard deviations",
        f"on average the modes are moved by {x:.2f} standard deviations (perfect: {usual:.2f})",
    ),
    "offset": lambda x, usual: (
        f"modes moved by {math.sqrt(max(x**2 - usual**2, 0)):.1f} standard deviations",
        f"the modes stand {x:.2f} standard deviations beside their places (perfect: {usual:.2f})",
    ),
    "width": lambda x, usual: (_ratio(x, usual), _ratio(x, usual) + " (typically)"),
    "uneven widths": lambda x, usual: (
        f"widths off by {x:.0%}",
        f"the widths of single modes are off by {x:.0%} (a perfect sampler: {usual:.0%})",
    ),
    "narrow": lambda x, usual: (
        "modes out of shape",
        f"in their narrowest direction modes have {x / usual:.2f} times the width they should have",
    ),
    "apart": lambda x, usual: (
        "samples repeat" if x < usual else "samples strewn",
        f"samples have their neighbours {x / usual:.2f} times as far away as they should",
    ),
    "density": lambda x, usual: (
        "samples at other heights",
        f"{x:.0%} of the samples lie at places more, or less, probable than they should "
        f"(a perfect sampler: {usual:.0%})",
    ),
}


CONSEQUENCES = ("uneven widths", "narrow", "apart", "density")  # said after the others


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
    """One mode has nearly everything, at each late look, and should not."""
    top = s.shares.max(1)  # [looks] values, [looks] modes
    due = 1 - s.coverage.weights[top.indices]  # to all others [looks]
    if (1 - top.values >= ELSEWHERE * due).any() or s.n * due.min() < 10 or s.size > POOR:
        return ""
    visited = len(top.indices.unique())
    hops = f", not always the same: it went round {visited}" if visited > 1 else ""
    near = s.coverage.quality
    where = "" if near >= POOR else f" (and not at it: {near:.0%} are near)"
    return (
        f"{top.values[-1]:.0%} of the samples are nearest to one mode of {s.coverage.of}{where}; one had "
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
    """Some modes have next to nothing, and not by chance; what is made is good."""
    c = s.coverage
    due = c.weights.double() * c.counts.sum()  # [k]
    chance = torch.special.gammaincc(c.counts.double() + 1, due.clamp(min=1e-9))  # of so few
    few = (c.counts < MISSING * due) & (chance < 0.001 / c.of)
    if s.empty_by_luck() < 0.01:
        few |= (c.counts == 0) & (c.weights > 0)
    if not few.any() or c.quality < POOR:
        return ""
    have = "modes has" if few.sum() == 1 else "modes have"
    return (
        f"{int(few.sum())} of {c.of} {have} less than a tenth of what is due "
        f"({c.counts[few].sum()} good samples of {due[few].sum():.0f})"
    )


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
    """All modes are there, in wrong shares, and not by chance."""
    c, luck = s.coverage, s.luck
    far = s.luck.z(s.vitals)["shares"] > luck.worst
    if c.reverse_kl - luck.mean["shares"] > UNEVEN and far and c.quality >= POOR:
        due = c.near / c.near.sum() / c.weights
        return (
            f"the shares of the modes are off by {c.reverse_kl:.2f} nats: one has {due.max():.1f} "
            f"times its due, another {due.min():.1f} times"
        )
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
}
