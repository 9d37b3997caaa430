"""The first five minutes: a GAN trained on real digits, two pictures, and what was measured."""

import time
from functools import partial
from pathlib import Path

import torch
from matplotlib.figure import Figure

from ganedu import data, viz
from ganedu.classifier import train_classifier
from ganedu.conditional import ConditionalDiscriminator, ConditionalGenerator
from ganedu.diagnostics import class_coverage
from ganedu.drawing import write_figure
from ganedu.files import claimed
from ganedu.networks import DCGANDiscriminator, DCGANGenerator
from ganedu.recipe import Recipe

# A small conditional DCGAN: labels teach both players several times faster.
RECIPE = Recipe(
    data=data.digits,
    G=partial(ConditionalGenerator, partial(DCGANGenerator, width=24, z_dim=10 + 16)),
    D=partial(ConditionalDiscriminator, partial(DCGANDiscriminator, width=24, classes=10)),
    steps=1200,
    batch=32,
    lr_g=2e-3,
    lr_d=1e-3,
    ema=0.995,
)


def tour(out="tour", *, steps=RECIPE.steps, seed=0, device="auto", progress=True):
    """Train, judge, draw; returns what was measured as a dictionary."""
    with claimed(out):
        return _tour(Path(out).expanduser(), steps, seed, device, progress)


def _tour(out, steps, seed, device, progress):
    train, held_out = data.digits().split()
    trainer = RECIPE.trainer(seed, device=device, data=train)
    print(
        f"Training a DCGAN on {len(train):,} real MNIST digits: {steps:,} steps on "
        f"{trainer.device.type} in {str(trainer.precision).removeprefix('torch.')}.",
        flush=True,
    )
    begin = time.perf_counter()
    rows = trainer.fit(steps, every=max(1, steps // 300), progress=progress)
    seconds = time.perf_counter() - begin
    print("Training a judge that never sees the generator: a digit classifier.", flush=True)
    judge = train_classifier(train, progress=progress)
    asked = torch.arange(1000) % 10
    fake = trainer.sample(1000, y=asked).cpu()  # [1000, 1, 28, 28]
    found = {
        "steps": trainer.step,
        "seconds": seconds,
        "generated": class_coverage(fake, judge),
        "held_out": class_coverage(held_out.x.cpu(), judge),
    }
    samples, curves = out / "samples.png", out / "training.png"
    _draw_samples(_in_columns(train.x, train.y, 2), _in_columns(fake, asked, 5), samples)
    if rows:
        _draw_curves(rows, curves)
    print(report(found, [p for p in (samples, curves) if p.exists()]))
    return found


def report(found, pictures):
    """What the tour measured, and what to do next, as text."""
    fake, real = found["generated"], found["held_out"]
    lines = [
        "",
        f"Trained {found['steps']:,} steps in {found['seconds']:.0f} seconds.",
        f"  digits found among 1,000 samples   {fake.found} of {len(fake.counts)}",
        f"  judge more than 90% sure           {fake.sure:.0%} of the samples",
        f"                                     {real.sure:.0%} of real digits it has never seen",
        "Pictures:",
        *[f"  {path.resolve()}" for path in pictures],
        "Next: `make lab` opens the course in JupyterLab; begin with notebooks/00_start_here.ipynb.",
    ]
    return "\n".join(lines)


def _in_columns(x, y, rows):
    """The first `rows` pictures of each digit, a column for each: [10 rows, 1, 28, 28]."""
    columns = [x[y == digit][:rows] for digit in range(10)]
    return torch.stack(columns, dim=1).flatten(0, 1)


def _draw_samples(real, fake, path):
    viz.use()
    fig = Figure(figsize=(7.2, 5.6), layout="constrained")
    top, below = fig.subplots(2, 1, height_ratios=[1, 2.55])
    viz.images(real, ax=top, columns=10, title="Real MNIST digits")
    viz.images(fake, ax=below, columns=10, title="Drawn by the generator")
    write_figure(fig, path, dpi=120)


def _draw_curves(rows, path):
    viz.use()
    fig = Figure(figsize=(viz.WIDTH, 3), layout="constrained")
    left, right = fig.subplots(1, 2)
    viz.curves(rows, "d_loss", "g_loss", ax=left, title="The two losses")
    viz.curves(rows, "d_real", "d_fake", ax=right, title="D's answers to real and to fake")
    write_figure(fig, path, dpi=120)
