"""Trainer against the loops found everywhere, same networks and same 5,000 digits, in images a second.

`examples` is the step of pytorch/examples' dcgan, `pytorch-gan` that of PyTorch-GAN's dcgan, each
written anew after its public source: a DataLoader over PIL images with transforms, a sigmoid and BCELoss
in float32, Adam as it comes, D's gradients computed in G's step too, numbers read out and printed in each
step (printed into nothing here). Each can be run on the course's DCGAN or on the networks it came with.
Target: 2.5 times as many images a second on a CPU with AMX or on a GPU, never fewer elsewhere.
"""

import argparse
import copy
import os
import statistics

import numpy as np
import torch
from common import in_turns, machine, ratios, spread
from torch import nn
from torchvision import transforms
from torchvision.transforms.functional import to_pil_image

from ganedu import data
from ganedu.networks import DCGANDiscriminator, DCGANGenerator
from ganedu.trainer import Trainer


class PictureFiles(torch.utils.data.Dataset):
    """PIL images and a transform, as torchvision's data sets have them."""

    def __init__(self, images, transform):
        self.pictures = [to_pil_image((x + 1) / 2) for x in images]
        self.transform = transform

    def __len__(self):
        return len(self.pictures)

    def __getitem__(self, i):
        return self.transform(self.pictures[i])


# ---- networks: (pixels, G, D); D ends in logits


def course(width=32):
    return 28, DCGANGenerator(width=width), DCGANDiscriminator(width=width)


def pytorch_gan():
    """32 pixels; G enlarges and smooths, D's batch norm has an epsilon of .8 and comes after dropout."""
    G = nn.Sequential(
        *(nn.Linear(100, 128 * 8 * 8), nn.Unflatten(1, (128, 8, 8)), nn.BatchNorm2d(128)),
        *(nn.Upsample(scale_factor=2), nn.Conv2d(128, 128, 3, 1, 1)),
        *(nn.BatchNorm2d(128, 0.8), nn.LeakyReLU(0.2, inplace=True)),
        *(nn.Upsample(scale_factor=2), nn.Conv2d(128, 64, 3, 1, 1)),
        *(nn.BatchNorm2d(64, 0.8), nn.LeakyReLU(0.2, inplace=True)),
        *(nn.Conv2d(64, 1, 3, 1, 1), nn.Tanh()),
    )
    G.z_dim, G.z_shape = 100, (100,)
    layers, before = [], 1
    for after in (16, 32, 64, 128):
        layers += [nn.Conv2d(before, after, 3, 2, 1), nn.LeakyReLU(0.2, inplace=True)]
        layers += [nn.Dropout2d(0.25), *([nn.BatchNorm2d(after, 0.8)] if before > 1 else [])]
        before = after
    return 32, G, nn.Sequential(*layers, nn.Flatten(), nn.Linear(128 * 2 * 2, 1), nn.Flatten(0))


def examples(width=64):
    """64 pixels, five layers each, widths 64 to 512: the DCGAN of the paper in small."""
    G, D, before = [], [], 100
    for k, after in enumerate((8 * width, 4 * width, 2 * width, width)):
        stride, padding = (2, 1) if k else (1, 0)
        G += [nn.ConvTranspose2d(before, after, 4, stride, padding, bias=False)]
        G += [nn.BatchNorm2d(after), nn.ReLU(True)]
        before = after
    G = nn.Sequential(*G, nn.ConvTranspose2d(width, 1, 4, 2, 1, bias=False), nn.Tanh())
    G.z_dim, G.z_shape = 100, (100, 1, 1)
    before = 1
    for after in (width, 2 * width, 4 * width, 8 * width):
        D += [nn.Conv2d(before, after, 4, 2, 1, bias=False)]
        D += [*([nn.BatchNorm2d(after)] if before > 1 else []), nn.LeakyReLU(0.2, inplace=True)]
        before = after
    return 64, G, nn.Sequential(*D, nn.Conv2d(8 * width, 1, 4, 1, 0, bias=False), nn.Flatten(0))


# ---- loops


def examples_step(G, D, opt_G, opt_D, real):
    """D on real ones, D on fakes, then G: two backward passes for D, five numbers read."""
    criterion = nn.BCELoss()
    D.zero_grad()
    label = torch.full((len(real),), 1.0, device=real.device)
    output = torch.sigmoid(D(real))
    real_loss = criterion(output, label)
    real_loss.backward()
    d_x = output.mean().item()
    fake = G(torch.randn(len(real), *G.z_shape, device=real.device))
    label.fill_(0.0)
    output = torch.sigmoid(D(fake.detach()))
    fake_loss = criterion(output, label)
    fake_loss.backward()
    d_gz1 = output.mean().item()
    opt_D.step()
    G.zero_grad()
    label.fill_(1.0)
    output = torch.sigmoid(D(fake))
    g_loss = criterion(output, label)
    g_loss.backward()
    opt_G.step()
    return (real_loss + fake_loss).item(), g_loss.item(), d_x, d_gz1, output.mean().item()


def pytorch_gan_step(G, D, opt_G, opt_D, real):
    """G first, then D on both with one backward pass; z from NumPy, two numbers read."""
    criterion = nn.BCELoss()
    valid, false = (torch.full((len(real),), k, device=real.device) for k in (1.0, 0.0))
    opt_G.zero_grad()
    z = torch.tensor(np.random.normal(0, 1, (len(real), *G.z_shape)), dtype=torch.float32)
    fake = G(z.to(real.device))
    g_loss = criterion(torch.sigmoid(D(fake)), valid)
    g_loss.backward()
    opt_G.step()
    opt_D.zero_grad()
    real_loss = criterion(torch.sigmoid(D(real)), valid)
    fake_loss = criterion(torch.sigmoid(D(fake.detach())), false)
    d_loss = (real_loss + fake_loss) / 2
    d_loss.backward()
    opt_D.step()
    return d_loss.item(), g_loss.item()


def loop(step, G, D, images, batch, device, workers=0):
    """A function that trains n steps of copies of the networks with that step."""
    G, D = copy.deepcopy(G).to(device), copy.deepcopy(D).to(device)
    transform = transforms.Compose(
        [
            transforms.Resize(images.shape[-1]),
            transforms.ToTensor(),
            transforms.Normalize((0.5,), (0.5,)),
        ]
    )
    pictures = PictureFiles(images, transform)
    loader = torch.utils.data.DataLoader(
        pictures, batch, shuffle=True, drop_last=True, num_workers=workers
    )
    opt_G, opt_D = (torch.optim.Adam(net.parameters(), 2e-4, (0.5, 0.999)) for net in (G, D))
    nowhere = open(os.devnull, "w")  # open as long as the loop may run

    def batches():
        while True:
            yield from loader

    source = batches()

    def train(n):
        for k in range(n):
            print(k, *step(G, D, opt_G, opt_D, next(source).to(device)), file=nowhere)

    return train


NETWORKS = {"course": course, "examples": examples, "pytorch-gan": pytorch_gan}
LOOPS = {"examples": examples_step, "pytorch-gan": pytorch_gan_step}


def main():
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--rounds", type=int, default=9, help="default: %(default)s")
    options.add_argument(
        "--steps", type=int, default=20, help="in each turn (default: %(default)s)"
    )
    options.add_argument("--batch", type=int, default=64, help="default: %(default)s")
    options.add_argument("--loop", choices=LOOPS, default="examples", help="default: %(default)s")
    options.add_argument(
        "--networks", choices=NETWORKS, default="course", help="default: %(default)s"
    )
    options.add_argument("--width", type=int, help="of the networks (default: their own)")
    options.add_argument("--workers", type=int, default=0, help="of the DataLoader (default: 0)")
    options.add_argument(
        "--threads", type=int, help="torch's threads (default: torch's own choice)"
    )
    args = options.parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    print(machine())
    torch.manual_seed(0)
    size, G, D = NETWORKS[args.networks](**({"width": args.width} if args.width else {}))
    digits = data.digits(size)
    trainer = Trainer(G=G, D=D, data=digits, batch=args.batch)
    plain = loop(LOOPS[args.loop], G, D, digits.x, args.batch, trainer.device, args.workers)
    times = in_turns(
        {
            args.loop: lambda: plain(args.steps),
            "trainer": lambda: trainer.fit(args.steps, every=100, progress=False),
        },
        args.rounds,
    )
    print(f"{args.networks}, {size} pixels, batch {args.batch}, trainer in {trainer.precision}")
    for name, taken in times.items():
        seconds = statistics.median(wall for wall, _ in taken)
        print(f"{name:22}{args.steps * args.batch / seconds:8,.0f} images/s")
    for kind, name in enumerate(("ratio by the clock", "by processor time")):
        print(f"{name:22}{spread(ratios(times, 'trainer', args.loop, kind))}")
    print(f"Medians (and quartiles) of {args.rounds} rounds in turns.")


if __name__ == "__main__":
    main()
