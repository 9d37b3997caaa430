"""The first five minutes: a GAN trained on real digits, two pictures, and what was measured."""

import time
from pathlib import Path

from matplotlib.figure import Figure

from ganedu import data, viz
from ganedu.classifier import train_classifier
from ganedu.diagnostics import class_coverage
from ganedu.networks import DCGANDiscriminator, DCGANGenerator
from ganedu.recipe import Recipe

# The course's DCGAN for 28-pixel digits, with the settings of chapter 06.
RECIPE = Recipe(
    data=data.digits,
    G=DCGANGenerator,
    D=DCGANDiscriminator,
    steps=1600,
    batch=64,
    lr_g=1e-3,
    lr_d=5e-4,
    ema=0.995,
)


def tour(out="tour", *, steps=RECIPE.steps, seed=0, device="auto", progress=True):
    """Train, judge, draw; returns what was measured as a dictionary."""
    out = Path(out).expanduser()
    out.mkdir(parents=True, exist_ok=True)
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
    fake = trainer.sample(1000).cpu()  # [1000, 1, 28, 28]
    found = {
        "steps": trainer.step,
        "seconds": seconds,
        "generated": class_coverage(fake, judge),
        "held_out": class_coverage(held_out.x.cpu(), judge),
    }
    samples, curves = out / "samples.png", out / "training.png"
    _draw_samples(train.x[:: len(train) // 20][:20], fake[:100], samples)
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


def _draw_samples(real, fake, path):
    viz.use()
    fig = Figure(figsize=(7.2, 5.6), layout="constrained")
    top, below = fig.subplots(2, 1, height_ratios=[1, 2.55])
    viz.images(real, ax=top, columns=10, title="Real MNIST digits")
    viz.images(fake[:50], ax=below, columns=10, title="Drawn by the generator")
    fig.savefig(path, dpi=120)


def _draw_curves(rows, path):
    viz.use()
    fig = Figure(figsize=(viz.WIDTH, 3), layout="constrained")
    left, right = fig.subplots(1, 2)
    viz.curves(rows, "d_loss", "g_loss", ax=left, title="The two losses")
    viz.curves(rows, "d_real", "d_fake", ax=right, title="D's answers to real and to fake")
    fig.savefig(path, dpi=120)
