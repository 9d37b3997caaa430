"""A run and its folder: what is kept on the way, so that neither a kill nor Ctrl-C loses much.

    recipe.toml     what the run is, and its table [keep], what is kept
    checkpoint.pt   the whole state, each `save_steps` steps and each `save_minutes`; resumes bit for bit
    training.csv    a row of numbers each ten steps up to the checkpoint, and the metric where there is one
    best.pt         the state that the metric liked best, if one is asked for
    samples/        sheets of samples of the same z, if they are asked for: `ganedu film` joins them
    tensorboard/    the rows as event files, where tensorboard is installed

Of several processes the first one keeps all this, the others only train.
"""

import csv
import io
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from matplotlib.figure import Figure

from ganedu import checkpoint, choices, data, drawing, processes, viz
from ganedu.files import claimed, read_text, write_text
from ganedu.measuring import METRICS, judge
from ganedu.names import nearest
from ganedu.recipe import parsed, toml, with_line
from ganedu.recording import numbers, progress
from ganedu.trainer import real, whole

ROW = 10  # steps from one row of training.csv to the next


@dataclass(frozen=True, kw_only=True)
class Keep:
    """What is kept of a run while it trains: the table [keep] of a recipe file."""

    save_steps: int = 500  # a checkpoint each so many steps ...
    save_minutes: float = 10.0  # ... and each so many minutes
    samples: int = 0  # a sheet of samples each so many steps; 0: none
    metric: str = ""  # the number that the generator is judged by; "": none
    n: int = 1000  # samples that it is judged on ...
    every: int = 500  # ... each so many steps

    def __post_init__(self):
        for name in ("save_steps", "samples", "n", "every"):
            value = getattr(self, name)
            plain, least = whole(name, value), int(name != "samples")
            if plain < least or isinstance(value, bool):
                raise ValueError(f"{name} must be a whole number, {least} or more; got {value!r}")
            object.__setattr__(self, name, plain)
        minutes = real("save_minutes", self.save_minutes)
        if not minutes > 0 or isinstance(self.save_minutes, bool):
            raise ValueError(f"save_minutes must be above 0; got {self.save_minutes!r}")
        object.__setattr__(self, "save_minutes", minutes)
        if self.metric and self.metric not in METRICS:
            raise ValueError(f"metric: no {self.metric!r}{nearest(self.metric, METRICS)}")

    @classmethod
    def from_toml(cls, text):
        """The table [keep] of a recipe file, or what is usual."""
        given, known = parsed(text).get("keep", {}), [f.name for f in fields(cls)]
        try:
            for key in given:
                if key not in known:
                    raise ValueError(f"[keep] has no {key!r}{nearest(key, known)}")
            return cls(**given)
        except ValueError as error:
            raise ValueError(with_line(text, str(error))) from None

    def to_toml(self):
        """The table, with what differs from the usual; nothing if nothing does."""
        own = {k: v for k, v in asdict(self).items() if v != getattr(Keep, k)}
        lines = [f"{name} = {toml(value)}\n" for name, value in own.items()]
        return "".join(["\n[keep]\n", *lines]) if lines else ""


def look_at_pictures(folder, out, before=None):
    """Say what is read of a folder of pictures, and if it is not what the run had `before`.

    A run's own pictures are no data of it.
    """
    if folder and out.resolve().is_relative_to(Path(folder).resolve()):
        raise ValueError(f"--out {out} lies among the pictures of --data: choose another place")
    if folder and processes.first():
        try:
            print(data.inventory(folder))
            if before not in (None, data.fingerprint(folder)):
                print(f"These are not the pictures that the run had before: {folder} has changed.")
        except FileNotFoundError as error:
            raise ValueError(f"data: {error}") from error


def refuse_earlier(out):
    """A run that begins does not write over another."""
    file = out / "checkpoint.pt"
    if file.exists():
        raise FileExistsError(f"{file} exists: add --resume to go on, or choose another --out")


def train(trainer, recipe, keep, out):
    """Train up to the recipe's end, or to Ctrl-C; what is kept is in `out`. Returns the rows."""
    if not processes.first():
        with progress(trainer, recipe.steps - trainer.step) as steps:
            for _ in steps:
                pass
        return []
    chosen = judge(keep.metric, keep.n, trainer.data) if keep.metric else None
    with claimed(out):
        return _train_here(trainer, recipe, keep, out, chosen)


def _train_here(trainer, recipe, keep, out, chosen):
    if trainer.step == 0:
        refuse_earlier(out)
    write_text(out / "recipe.toml", recipe.to_toml() + keep.to_toml())  # not writable: no time lost
    keeper = Keeper(trainer, keep, out, chosen)
    with progress(trainer, recipe.steps - trainer.step) as steps:
        for _ in steps:
            keeper.after_step()
    keeper.end()
    return keeper.rows


class Keeper:
    """Looks at a trainer after each step, and writes."""

    def __init__(self, trainer, keep, out, judge=None):
        self.trainer, self.keep, self.out, self.judge = trainer, keep, out, judge
        self.rows = [row for row in read_rows(out / "training.csv") if row["step"] <= trainer.step]
        self.saved = trainer.step, time.monotonic()
        self.board = _board(out, trainer.step)
        folder = choices.folder_of(trainer.recipe.data) if trainer.recipe else None
        self.pictures = {"pictures": data.fingerprint(folder)} if folder else {}

    def after_step(self):
        """A row, a value of the metric, a sheet, a checkpoint: each when it is due."""
        step, keep = self.trainer.step, self.keep
        due_metric = self.judge and step % keep.every == 0
        if step % ROW == 0 or due_metric:
            self.look(due_metric)
        if keep.samples and step % keep.samples == 0:
            draw_samples(self.trainer, self.out / "samples" / f"{step:07}.png")
        late = time.monotonic() - self.saved[1] > 60 * keep.save_minutes
        if step % keep.save_steps == 0 or late:
            self.save()

    def look(self, with_metric):
        """A row of numbers; with the metric, the best state so far is kept."""
        row = numbers(self.trainer)
        if with_metric:
            before = self.best()
            row[self.keep.metric] = value = self.judge(self.trainer)
            if before is None or self.judge.better(value, before):
                judged = {"metric": self.keep.metric, "n": self.keep.n, "value": value}
                state = {**self.trainer.state_dict(), "judged": {**judged, "on": self.judge.on}}
                checkpoint.save(state, self.out / "best.pt")
        self.rows.append(row)
        if self.board:
            for name, value in row.items():
                self.board.add_scalar(name, value, row["step"])

    def best(self):
        """The best value of the metric so far, or None."""
        values = [row[self.keep.metric] for row in self.rows if self.keep.metric in row]
        return None if not values else (min if self.judge.better(0, 1) else max)(values)

    def save(self):
        """The rows, then the checkpoint: a resumed run cuts off rows that are newer than it."""
        write_text(self.out / "training.csv", as_csv(self.rows))
        checkpoint.save({**self.trainer.state_dict(), **self.pictures}, self.out / "checkpoint.pt")
        self.saved = self.trainer.step, time.monotonic()
        if self.board:
            self.board.flush()

    def end(self):
        if self.saved[0] != self.trainer.step or not (self.out / "checkpoint.pt").exists():
            self.save()
        if self.board:
            self.board.close()


def _board(out, step):
    """tensorboard's writer of event files, where it is installed."""
    with suppress(ImportError):
        from torch.utils.tensorboard import SummaryWriter

        return SummaryWriter(out / "tensorboard", purge_step=step + 1)


# ---------------------------------------------------------------- rows as a file


def as_csv(rows):
    """Rows of numbers as CSV: a column for each name, empty where a row has no such number."""
    text = io.StringIO()
    columns = list(dict.fromkeys(name for row in rows for name in row))
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def read_rows(path):
    """The rows of `as_csv`; none where there is no file."""
    if not path.is_file():
        return []
    try:
        return [
            {k: int(v) if k == "step" else float(v) for k, v in line.items() if v not in ("", None)}
            for line in csv.DictReader(io.StringIO(read_text(path)))
        ]
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"{path} is no table of numbers ({error}): move it away to go on"
        ) from None


# ---------------------------------------------------------------- pictures


def draw_samples(trainer, path):
    """A sheet of samples of always the same z: pictures side by side, points beside the real ones."""
    import torch

    viz.use()
    x = trainer.sample(2500 if isinstance(trainer.data, data.Mixture) else 100).cpu()
    fig, title = Figure(figsize=(6, 6), layout="constrained"), f"Step {trainer.step:,}"
    if x.ndim == 4:
        viz.images(drawing.on_white(x), ax=fig.subplots(), columns=10, title=title)
    else:
        real = trainer.data.sample(2500, torch.Generator(trainer.device).manual_seed(0)).cpu()
        viz.scatter(real, x, ax=fig.subplots(), title=title)
    drawing.write_figure(fig, path)


def draw_curves(rows, path):
    """The two losses of a run's rows."""
    viz.use()
    fig = Figure(figsize=(viz.WIDTH, 3), layout="constrained")
    title = f"The two losses, steps {rows[0]['step']:,} to {rows[-1]['step']:,}"
    viz.curves(rows, ax=fig.subplots(), title=title)
    drawing.write_figure(fig, path)
