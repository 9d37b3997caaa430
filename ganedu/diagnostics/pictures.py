"""A recorded run of pictures, and what is wrong with them, in numbers beside those of real pictures.

    run = record(trainer, 1500, judge=classifier, held_out=held_out)  # ganedu.doctor
    signs = run.signs()

No density of pictures is known, so nothing here is exact: real pictures that G never saw stand for the
truth (`halves`), and a judge that names classes stands for the modes.
"""

import math
import zipfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from scipy import stats

from ganedu.classifier import probabilities
from ganedu.diagnostics.copies import Birthday, Memorisation, birthday, memorisation
from ganedu.diagnostics.coverage import Movement, kl, kl_floor, movement
from ganedu.diagnostics.halves import CERTAIN, TAIL, Crowd, beside, told_apart
from ganedu.diagnostics.perfect import Luck
from ganedu.files import replacing

LEVELS = 127.5  # steps from black (-1) to gray: what lies in [-1, 1] is kept as a byte has it
MOST = 1000  # pictures compared, of each kind

FAR = 5.0  # diverged: pictures this many times as far out as real ones
RUNAWAY = 100.0  # ... or a loss of so many nats, and no picture like a real one
STILL = 0.03  # starved: G moved less than this share of the pictures' size since its first step
POOR = 0.5  # what is made is good: at least this share is as near to real pictures as those to each other
COPIED, CLOSER = 0.7, 0.6  # memorisation: nearer to the training set, and how much nearer
ONE = 0.3  # full collapse: pictures this much as different as real ones, at each late look
ELSEWHERE = 0.1  # ... or less than this share of what is due to all other classes
PERFECT = 0.97  # D too strong: it tells this share of examples right
MOVING = 0.2  # oscillation: typically this share of pictures changes its class from look to look
MISSING = 0.1  # dropped: a class with less than this share of its due
FEW = 0.7  # collapse within modes: neighbours this much nearer than real ones have them
UNEVEN = 0.05  # wrong proportions: reverse KL above that of real pictures, in nats
RARE = 0.01  # ... and a class that is so far off by chance this seldom
GOOD = 0.8  # nearly healthy: at least this share is near real pictures,
SURE = 0.6  # ... and the judge as sure of at least this share as of real ones


# ---- what is kept --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Judged:
    """Pictures, and what a judge makes of them."""

    x: torch.Tensor  # [..., C, H, W], in steps of 1 / LEVELS
    named: torch.Tensor  # the class of each [...]
    sure: torch.Tensor  # the judge's probability that it is this class [...]

    @classmethod
    def by(cls, judge, x):
        """The pictures x [..., C, H, W], rounded as a file keeps them, and their names."""
        x = as_saved(x)
        sure, named = probabilities(judge, x.flatten(0, -4)).max(1)
        return cls(x, named.view(x.shape[:-3]), as_half(sure).view(x.shape[:-3]))

    def counts(self, classes):
        """How many of them the judge is sure are of each class [classes]."""
        return _counts(self.named[self.sure > CERTAIN], classes)

    def __getitem__(self, rows):
        return Judged(self.x[rows], self.named[rows], self.sure[rows])

    def __len__(self):
        return len(self.x)


def as_saved(x):
    """Rounded as a saved picture is, so that a run and its file have one diagnosis."""
    return _unlevelled(_levels(x.float().cpu()))  # NaN stays NaN


def as_half(x):
    return x.half().float()


@dataclass(frozen=True)
class PictureRun:
    """A recorded run of pictures: numbers and pictures at each look, the first before the first step."""

    rows: list  # one for each look: step, losses, D's answers, and the two players' health
    looks: Judged  # [looks, n]: from the same z at every look
    held_out: Judged  # real pictures that G never saw [N]
    classes: int  # classes that the judge tells apart
    train: torch.Tensor | None = None  # the training set [M, C, H, W], where it is finite
    stopped: str = ""  # why the run ended early
    end: Judged | None = None  # many more pictures of the last look [m]

    @classmethod
    def of(cls, rows, samples, held_out, train=None, stopped="", end=None, *, judge):
        """The run with what the judge says of its pictures; the arguments are those of `Run`."""
        with torch.no_grad():
            classes = judge(held_out[:2]).shape[1]
        looks, real = Judged.by(judge, samples), Judged.by(judge, held_out)
        train = None if train is None else as_saved(train)
        return cls(
            rows,
            looks,
            real,
            classes,
            train,
            stopped,
            end if end is None else Judged.by(judge, end),
        )

    @property
    def samples(self):
        """The pictures of each look [looks, n, C, H, W]."""
        return self.looks.x

    @property
    def last(self):
        """All that is known of the end: [m]."""
        return self.looks[-1] if self.end is None else self.end

    def signs(self):
        """What the doctor reads -> PictureSigns."""
        return PictureSigns.of(self)

    def save(self, path):
        """One small .npz file, called `path` as it stands: pictures as bytes have them."""
        columns = {f"row_{k}": [row[k] for row in self.rows] for k in self.rows[0]}
        parts = {"looks": self.looks, "held_out": self.held_out, "end": self.end}
        kept = {k: v for name, part in parts.items() if part for k, v in _packed(name, part)}
        kept |= {} if self.train is None else {"train": _bytes(self.train)}
        with replacing(path) as file:
            np.savez_compressed(file, classes=self.classes, stopped=self.stopped, **columns, **kept)

    @classmethod
    def load(cls, path):
        """The run that `save` wrote."""
        try:
            with np.load(Path(path).expanduser(), allow_pickle=False) as file:
                return cls._of({name: file[name] for name in file.files})
        except (ValueError, KeyError, AttributeError, EOFError, zipfile.BadZipFile):
            raise ValueError(
                f"{path} is not a whole recorded run, as PictureRun.save writes it"
            ) from None

    @classmethod
    def _of(cls, file):
        columns = {k[4:]: x.tolist() for k, x in file.items() if k.startswith("row_")}
        return cls(
            rows=[dict(zip(columns, values)) for values in zip(*columns.values())],
            looks=_unpacked("looks", file),
            held_out=_unpacked("held_out", file),
            classes=int(file["classes"]),
            train=_unlevelled(torch.tensor(file["train"])) if "train" in file else None,
            stopped=str(file["stopped"]),
            end=_unpacked("end", file) if "end_x" in file else None,
        )


def _levels(x):
    """0 to 255 for what lies in [-1, 1], and beyond for what does not."""
    return ((x + 1) * LEVELS).round().clamp(-32767, 32767)


def _bytes(x):
    return _levels(x).to(torch.int16).numpy()


def _unlevelled(levels):
    return levels / LEVELS - 1


def _packed(name, part):
    yield f"{name}_x", _bytes(part.x)
    yield f"{name}_named", part.named.to(torch.int16).numpy()
    yield f"{name}_sure", part.sure.half().numpy()


def _unpacked(name, file):
    named, sure = (torch.tensor(file[f"{name}_{k}"]) for k in ("named", "sure"))
    return Judged(_unlevelled(torch.tensor(file[f"{name}_x"])), named.long(), sure.float())


# ---- what the doctor reads -----------------------------------------------------------------------


@dataclass(frozen=True)
class PictureSigns:
    """All that the doctor measures of a run of pictures; "late" means over the last third of its looks."""

    counts: torch.Tensor  # pictures that the judge is sure are of each class [k]
    real_counts: torch.Tensor  # ... of the held-out ones
    sure: float  # share of pictures of which the judge is more than 90% sure
    real_sure: float  # ... of held-out ones
    shares: torch.Tensor  # late: share of the pictures of each class [looks, k]
    spread: torch.Tensor  # late: distance from their mean, over that of real pictures [looks]
    movement: Movement  # late: of the classes' shares
    memory: Memorisation | None  # None without a finite training set
    clinging: float  # median distance to the training set, over that of real pictures to each other
    different: Birthday  # how many pictures it makes that look different,
    real_different: Birthday  # ... and how many the real ones are
    reach: float  # median distance from the mean of the real pictures, over theirs
    moved: float  # median way of a picture since the first look, over the size of the real ones
    d_accuracy: float  # late: mean share of examples that D tells right
    loss: float  # late: the largest of the two players' losses
    vitals: dict  # numbers that real pictures' are held against,
    luck: Luck  # ... and those

    @classmethod
    def of(cls, run):
        """Measure everything once; of more than 1,000 pictures of a kind, 1,000."""
        last, real = _thinned(run.last), _thinned(run.held_out)
        late = run.looks[-max(2, round(len(run.looks) / 3)) :]
        rows = run.rows[-len(late) :]
        histograms = torch.stack([_counts(named, run.classes) for named in late.named])
        centre = real.x.mean(0)
        size = _size(real.x, centre)
        accuracy = [row["d_accuracy"] for row in rows]
        losses = [abs(row[k]) for row in rows for k in ("d_loss", "g_loss")]
        crowd, held = (Crowd.of(pictures, real, run.train) for pictures in (last, real))
        apart = held.own.min(1).values  # of each real picture to the next
        close = apart.quantile(TAIL).clamp(min=1e-3).item()
        found, luck = beside(crowd, held, run.classes)
        found["c2st"], sd = told_apart(real.x, last.x)
        return cls(
            counts=run.last.counts(run.classes),
            real_counts=run.held_out.counts(run.classes),
            sure=(run.last.sure > CERTAIN).double().mean().item(),
            real_sure=(run.held_out.sure > CERTAIN).double().mean().item(),
            shares=histograms / histograms.sum(1, keepdim=True),
            spread=torch.tensor([_size(x, x.mean(0)) / size for x in late.x]),
            movement=movement(histograms),
            memory=None if run.train is None else memorisation(last.x, run.train, real.x),
            clinging=_ratio(crowd.copied, apart),
            different=birthday(last.x, close),
            real_different=birthday(real.x, close),
            reach=_size(last.x, centre) / size,
            moved=_size(run.looks.x[-1], run.looks.x[0]) / size,
            d_accuracy=sum(accuracy) / len(accuracy),
            loss=max(losses),
            vitals=found,
            luck=Luck(luck.mean | {"c2st": 0.0}, luck.sd | {"c2st": sd}, luck.worst),
        )

    @property
    def near(self):
        """Share of the pictures as near to real ones as 98% of real ones are to each other."""
        return 1 - self.vitals["far"]

    @property
    def good(self):
        """Is most of what is made good?"""
        return self.near >= POOR and self.sure >= POOR * self.real_sure

    @property
    def due(self):
        """So many pictures of each class are due [k]."""
        return self.real_counts * self.counts.sum() / self.real_counts.sum()

    @property
    def off(self):
        """KL of the classes' shares to the real ones, in nats."""
        return kl(self.counts + 0.5, self.real_counts + 0.5)

    @property
    def floor(self):
        """... and those of real pictures, on average."""
        return sum(kl_floor(len(c), c.sum().item()) for c in (self.counts, self.real_counts))

    @cached_property
    def chance(self):
        """How often as many real pictures have a class as far off (Fisher's exact test of each)."""
        n, real = int(self.counts.sum()), int(self.real_counts.sum())
        tables = [[[a, n - a], [b, real - b]] for a, b in zip(self.counts, self.real_counts)]
        return min(1.0, len(tables) * min(stats.fisher_exact(t).pvalue for t in tables))

    def patterns(self):
        """{diagnosis: pattern}, in the order in which they are asked."""
        return PATTERNS

    def summary(self):
        """The main numbers, whatever the diagnosis is."""
        found, there = int((self.counts > 0).sum()), int((self.real_counts > 0).sum())
        return [
            f"{found} classes of {there} named, their shares {self.off:.2f} nats off (p = "
            f"{self.chance:.1g})",
            f"the judge is sure of {self.sure:.0%} (real: {self.real_sure:.0%}); a fresh "
            f"discriminator finds {max(self.vitals['c2st'], 0):.0%} misplaced (real: 0%)",
            f"D tells {self.d_accuracy:.0%} of examples right (guessing: 50%)",
        ]

    def faults(self):
        """What lies outside the spread of real pictures: [(in a word, in a sentence), ...]."""
        z = self.luck.z(self.vitals)
        outside = {k for k in z if z[k] > self.luck.worst} | (
            {"shares"} if self.chance < RARE else set()
        )
        return [FAULTS[name](self) for name in FAULTS if name in outside]

    def inside(self):
        """Why it is healthy."""
        z = max(self.luck.z(self.vitals).values())
        return (
            f"no number is further out than {max(z, 0):.1f} standard deviations of as many held-out "
            f"pictures (the limit: {self.luck.worst:.1f})"
        )

    def nearly(self):
        """Most of it is right."""
        return self.near >= GOOD and self.sure >= SURE * self.real_sure


def _counts(named, classes):
    return torch.bincount(named, minlength=classes).double()


def _size(x, centre):
    return (x - centre).flatten(1).norm(dim=1).median().item()


def _ratio(copied, apart):
    return math.inf if copied is None else (copied.median() / apart.median()).item()


def _thinned(pictures):
    n = len(pictures)
    return pictures[torch.linspace(0, n - 1, min(n, MOST)).round().long()]


# ---- what is not as it should be: in a word, and in a sentence -----------------------------------


FAULTS = {  # the plainest first
    "copies": lambda s: (
        f"{s.vitals['copies']:.0%} copies",
        f"{s.vitals['copies']:.0%} of the pictures are nearer to a training example than 98% of "
        "held-out pictures",
    ),
    "sure": lambda s: (
        f"the judge is sure of {s.sure:.0%} (real: {s.real_sure:.0%})",
        f"the judge is sure of {s.sure:.1%} of the pictures, and of {s.real_sure:.1%} of real ones",
    ),
    "far": lambda s: (
        f"{s.vitals['far']:.0%} unlike any real picture",
        f"{s.vitals['far']:.0%} of the pictures are further from real ones than 98% of those are "
        "from each other",
    ),
    "twins": lambda s: (
        "pictures repeat",
        f"{s.vitals['twins']:.0%} of the pictures have a neighbour nearer than 98% of real ones have",
    ),
    "shares": lambda s: (
        f"shares off by {s.off:.2f} nats",
        f"the shares of the classes are off by {s.off:.2f} nats (p = {s.chance:.1g})",
    ),
    "poorest": lambda s: (
        "one class has little variety",
        f"in one class neighbours are {math.exp(-s.vitals['poorest']):.2f} times as far away as "
        "those of real pictures",
    ),
    "apart": lambda s: (
        "too alike" if s.vitals["apart"] < 0 else "too different",
        f"pictures have their neighbours {math.exp(s.vitals['apart']):.2f} times as far away as "
        "real ones",
    ),
    "c2st": lambda s: (
        f"{s.vitals['c2st']:.0%} misplaced",
        f"a fresh discriminator finds at least {s.vitals['c2st']:.0%} of the pictures misplaced",
    ),
}


# ---- the patterns: a sentence with the deciding numbers, or "" where the pattern does not fit -----


def diverged(s):
    """Pictures far outside all data, or losses without end."""
    if s.reach > FAR:
        return f"half of the pictures lie more than {s.reach:.0f} times as far out as real ones"
    if s.loss > RUNAWAY and not s.good:
        return f"a loss has run away, to {s.loss:.0f} nats, and the pictures are unlike real ones"
    return ""


def starved(s):
    """G is where it began."""
    if s.moved < STILL and not s.good:
        return (
            f"from the first look to the last, G moved its pictures by {s.moved:.1%} of the size of "
            "real ones: it did not learn"
        )
    return ""


def memorised(s):
    """Pictures are training examples, nearer to them than real pictures are to any others."""
    if s.memory and s.memory.nearer > COPIED and s.memory.ratio < CLOSER and s.clinging < 1:
        return (
            f"{s.memory.nearer:.0%} of the pictures are nearer to a training example than to a "
            f"held-out one (fresh pictures: 50%), at {s.memory.ratio:.2f} times the distance"
        )
    return ""


def collapsed(s):
    """One picture, or one class, is nearly all there is, at each late look."""
    if (s.spread < ONE).all():
        return (
            f"the pictures differ {s.spread.max():.2f} times as much as real ones do, or less, at "
            f"each of the last {len(s.spread)} looks: G makes one picture"
        )
    top = s.shares.max(1)
    elsewhere = 1 - (s.real_counts / s.real_counts.sum())[top.indices]
    if (1 - top.values < ELSEWHERE * elsewhere).all() and s.near >= POOR:
        return (
            f"{top.values[-1]:.0%} of the pictures are named as one class, and nearly all were at "
            f"each of the last {len(s.spread)} looks"
        )
    return ""


def too_strong(s):
    """D always right, G lost."""
    if s.d_accuracy > PERFECT and s.near < POOR:
        return (
            f"D tells {s.d_accuracy:.1%} of examples right to the end, while only {s.near:.0%} of G's "
            "pictures are near real ones"
        )
    return ""


def oscillating(s):
    """The shares of classes go on moving."""
    m = s.movement
    if m.change > MOVING and m.change > 4 * m.floor:
        return (
            f"from one look to the next {m.change:.0%} of the pictures move to another class "
            f"(chance alone: {m.floor:.0%}); classes named lately: {m.ever}, at the last look: {m.now}"
        )
    return ""


def dropped(s):
    """Some classes have next to nothing, and not by chance; what is made is good."""
    chance = torch.special.gammaincc(s.counts + 1, s.due.clamp(min=1e-9))  # of so few
    few = (s.counts < MISSING * s.due) & (chance < 0.001 / len(s.due))
    if not few.any() or not s.good:
        return ""
    names = ", ".join(str(k) for k in few.nonzero().flatten().tolist())
    return (
        f"{int(few.sum())} of {len(s.due)} classes ({names}) have less than a tenth of what is due: "
        f"{s.counts[few].sum():.0f} pictures of {s.due[few].sum():.0f}"
    )


def shrunk(s):
    """Few pictures of each class."""
    ratio = math.exp(s.vitals["apart"])
    if ratio < FEW and s.near >= POOR:
        made, real = (f"{b.support:.0f}" for b in (s.different, s.real_different))
        return (
            f"pictures have their neighbours {ratio:.2f} times as far away as real ones; pairs are "
            f"alike as often as among {made} different pictures (real ones: {real})"
        )
    return ""


def uneven(s):
    """All classes are there, in wrong shares, and not by chance."""
    if s.good and s.chance < RARE and s.off - s.floor > UNEVEN:
        ratio = (s.counts + 0.5) / (s.due + 0.5)
        return (
            f"the shares of the classes are off by {s.off:.2f} nats (p = {s.chance:.1g}): class "
            f"{ratio.argmax()} has {ratio.max():.1f} times its due, class {ratio.argmin()} "
            f"{ratio.min():.1f} times"
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
