"""From z to a picture on one page: a small GAN learns handwritten digits, and example.png shows how.

    python example.py

Each row of the picture is drawn from the same z, after more and more steps. Chapter 05 builds this
loop by hand, chapter 06 these networks.
"""

from pathlib import Path

import torch
from matplotlib.figure import Figure

from ganedu import viz
from ganedu.data import digits
from ganedu.networks import DCGANDiscriminator, DCGANGenerator
from ganedu.trainer import Trainer, evaluating, latent

COLUMNS = 10


def main(steps=800, out="example.png"):
    """Train for that many steps; returns the pictures after none, 1/4, half and all of them."""
    torch.manual_seed(0)  # the initial weights; the rest follows the trainer's own seed
    p_data = digits()  # 5,000 real ones, [5000, 1, 28, 28] in [-1, 1]
    G = DCGANGenerator(width=16)  # z [n, 100, 1, 1] -> pictures [n, 1, 28, 28]
    D = DCGANDiscriminator(width=16)  # pictures -> logits [n]: above 0 where D says "real"
    trainer = Trainer(G=G, D=D, data=p_data, batch=32, lr_g=2e-3, lr_d=1e-3, device="cpu")

    z = latent(G, COLUMNS, torch.Generator().manual_seed(1))  # [10, 100, 1, 1]
    looks = {0: drawn(trainer, z)}
    for row in trainer.steps(steps):
        if row["step"] in (steps // 4, steps // 2, steps):
            looks[row["step"]] = drawn(trainer, z)
            print(f"step {row['step']:4}   D's loss {row['d_loss']:.2f}, G's {row['g_loss']:.2f}")

    real = p_data.sample(COLUMNS, torch.Generator().manual_seed(0))
    rows = torch.cat([real, *looks.values()])
    title = f"Real; then the same z after {', '.join(map(str, looks))} steps"
    figure = Figure(figsize=(7, 3.7), layout="constrained")
    viz.images(rows, ax=figure.subplots(), columns=COLUMNS, title=title)
    figure.savefig(out, dpi=150)
    print(f"The picture: {Path(out).resolve()}")
    return looks


def drawn(trainer, z):
    """What G makes of z at this step: a look, which changes nothing."""
    with torch.no_grad(), evaluating(trainer.G):
        return trainer.G(z)  # [10, 1, 28, 28]


if __name__ == "__main__":
    main()
