"""What each ingredient of the DCGAN does, by taking it away, one at a time (chapter 06).

The recipe is chapter 06's, made smaller: width 24, batches of 32, z of 100, Adam 1e-3 for G and 5e-4 for D,
a running average of .995, 800 steps on 4,000 digits. Each arm changes one thing and keeps all else, the seed
included. Batch norm is taken away as the paper's authors would have to: the division by the batch's spread
goes, the learned scale and shift stay. A judge trained on the same 4,000 digits looks at 1,000 samples; a
second judge, trained with another seed, repeats it. Stopped and started again it goes on where it was.

    python benchmarks/dcgan_ablation.py
"""

import argparse
from functools import cache, partial
from pathlib import Path

import torch
from common import machine, record
from torch import nn

from ganedu import data, results
from ganedu.classifier import train_classifier
from ganedu.diagnostics import class_coverage
from ganedu.networks import DCGANDiscriminator, DCGANGenerator, dcgan_init
from ganedu.studies import show, study, table
from ganedu.trainer import Trainer

LR_G, LR_D = 1e-3, 5e-4


class ScaleShift(nn.Module):
    """Batch norm without the norm: x [n, C, h, w] -> a scale and a shift for each channel."""

    def __init__(self, channels):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1, channels, 1, 1))
        self.shift = nn.Parameter(torch.zeros(1, channels, 1, 1))

    def forward(self, x):
        return self.scale * x + self.shift


def swap(net, kind, new):
    """Put new(layer) in the place of every layer of a kind; the network itself."""
    for parent in list(net.modules()):
        for name, layer in list(parent.named_children()):
            if isinstance(layer, kind):
                setattr(parent, name, new(layer))
    return net


def without_batch_norm(net):
    return swap(net, nn.BatchNorm2d, lambda layer: ScaleShift(layer.num_features))


def default_init(net):
    """PyTorch's own initial weights."""
    for layer in net.modules():
        if hasattr(layer, "reset_parameters"):
            layer.reset_parameters()
    return net


def kernel_5(net):
    """The paper's kernels of 5 pixels for every layer of stride 2, with the same output sizes."""

    def five(layer):
        if layer.stride[0] != 2:
            return layer
        bias, up = layer.bias is not None, isinstance(layer, nn.ConvTranspose2d)
        odd = {"output_padding": int(layer.kernel_size[0] == 4)} if up else {}
        return type(layer)(layer.in_channels, layer.out_channels, 5, 2, 2, bias=bias, **odd)

    dcgan_init(swap(net, nn.Conv2d | nn.ConvTranspose2d, five))
    return net


def relu(net):
    return swap(net, nn.LeakyReLU, lambda layer: nn.ReLU())


def sigmoid_end(net):
    """G ends in a sigmoid: its pixels lie between 0 and 1, the data's between -1 and 1."""
    return swap(net, nn.Tanh, lambda layer: nn.Sigmoid())


# arm: (what is done to G, to D, options of the trainer)
ARMS = {
    "the whole recipe": (None, None, {}),
    "no batch norm in G": (without_batch_norm, None, {}),
    "no batch norm in D": (None, without_batch_norm, {}),
    "no batch norm": (without_batch_norm, without_batch_norm, {}),
    "no batch norm, a third of the step sizes": (
        without_batch_norm,
        without_batch_norm,
        {"lr_g": LR_G / 3, "lr_d": LR_D / 3},
    ),
    "PyTorch's initial weights": (default_init, default_init, {}),
    "ReLU in D": (None, relu, {}),
    "kernels of 5 pixels": (kernel_5, kernel_5, {}),
    "G ends in a sigmoid": (sigmoid_end, None, {}),
    "step sizes ten times larger": (None, None, {"lr_g": 10 * LR_G, "lr_d": 10 * LR_D}),
    "step sizes ten times smaller": (None, None, {"lr_g": LR_G / 10, "lr_d": LR_D / 10}),
    "no running average": (None, None, {"ema": None}),
}


@cache
def digits_and_judges():
    """What every run shares: the training digits and two judges of them."""
    train, held_out = data.digits().split()
    judges = [train_classifier(train, seed=seed, progress=False) for seed in (0, 1)]
    return train, held_out, judges


def run(arm, steps, seed):
    """Train one arm and judge 1,000 samples."""
    train, _, judges = digits_and_judges()
    change_g, change_d, options = ARMS[arm]
    torch.manual_seed(seed)
    G, D = DCGANGenerator(width=24), DCGANDiscriminator(width=24)
    G, D = (change_g or nn.Identity())(G), (change_d or nn.Identity())(D)
    options = {"batch": 32, "lr_g": LR_G, "lr_d": LR_D, "ema": 0.995, **options}
    trainer = Trainer(G=G, D=D, data=train, seed=seed, device="cpu", **options)
    trainer.fit(steps, progress=False)
    drawn = trainer.sample(1000)
    first, second = (class_coverage(drawn, judge) for judge in judges)
    return {"sure": first.sure, "found": first.found, "sure_second_judge": second.sure}


def main():
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--seeds", type=int, default=6, help="default: %(default)s")
    options.add_argument("--steps", type=int, default=800, help="default: %(default)s")
    options.add_argument("--jobs", type=int, default=1, help="processes (default: %(default)s)")
    options.add_argument("--kept", default="dcgan_ablation", help="folder of finished runs")
    args = options.parse_args()
    print(machine())
    trials = {arm: partial(run, arm, args.steps) for arm in ARMS}
    rows = []
    for seed in range(args.seeds):  # seed by seed: stopped early, all arms have the same seeds
        rows += study(trials, [seed], folder=args.kept, jobs=args.jobs)
    print(show(table(rows)))
    command = f"python benchmarks/dcgan_ablation.py --seeds {args.seeds} --steps {args.steps}"
    _, held_out, judges = digits_and_judges()
    file = Path(results.__file__).parent / "dcgan_ablation.json"
    record(file, command, rows, held_out=class_coverage(held_out.x, judges[0]).sure)


if __name__ == "__main__":
    main()
