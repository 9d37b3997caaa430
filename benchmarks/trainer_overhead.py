"""Trainer against the bare loop one would write by hand: same networks, data, Adam and precision.

The hand-written loop has no checks, no rows, no average, and no choice of anything. Two of them:
`plain` is what most people write; `frozen` also spares D's gradients in G's step, as Trainer does.
Target: Trainer at 0.97 or more of the speed of `plain`.
"""

import argparse
import copy

import torch
from common import in_turns, machine, ratios, spread
from torch.nn.functional import softplus

from ganedu import data
from ganedu.networks import DCGANDiscriminator, DCGANGenerator, MLPDiscriminator, MLPGenerator
from ganedu.trainer import Trainer


def ring():
    torch.manual_seed(0)
    return Trainer(G=MLPGenerator(), D=MLPDiscriminator(), data=data.ring(8))


def dcgan():
    torch.manual_seed(0)
    return Trainer(G=DCGANGenerator(), D=DCGANDiscriminator(), data=data.digits(), batch=64)


def by_hand(trainer, frozen=False):
    """A function that trains n steps of copies of the trainer's networks, as one would write it."""
    G, D = copy.deepcopy(trainer.G), copy.deepcopy(trainer.D)
    device, batch, p_data = trainer.device, trainer.batch, trainer.data
    low = {"device_type": device.type, "dtype": trainer.precision}
    mixed = trainer.precision != torch.float32
    opt_G, opt_D = (
        torch.optim.Adam(net.parameters(), 2e-4, (0.5, 0.999), fused=True) for net in (G, D)
    )
    rng = torch.Generator(device).manual_seed(0)

    def forward(net, x):
        if not mixed:
            return net(x)
        with torch.autocast(**low):
            return net(x)

    def train(n):
        for _ in range(n):
            real = p_data.sample(batch, rng)
            fake = forward(G, torch.randn(batch, *G.z_shape, generator=rng, device=device))
            real_logits, fake_logits = forward(D, real), forward(D, fake.detach())
            d_loss = softplus(-real_logits.float()).mean() + softplus(fake_logits.float()).mean()
            opt_D.zero_grad()
            d_loss.backward()
            opt_D.step()
            D.requires_grad_(not frozen)
            g_loss = softplus(-forward(D, fake).float()).mean()
            opt_G.zero_grad()
            g_loss.backward()
            opt_G.step()
            D.requires_grad_(True)

    return train


def fit(trainer, n):
    trainer.fit(n, every=100, progress=False)


def main():
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--rounds", type=int, default=15, help="default: %(default)s")
    options.add_argument(
        "--threads", type=int, help="torch's threads (default: torch's own choice)"
    )
    options.add_argument("--only", choices=["ring", "dcgan"], help="one of the two")
    args = options.parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    print(machine())
    print(
        f"Median of {args.rounds} rounds in turns (quartiles); 1 is the hand-written loop's speed."
    )
    print(f"{'':8}{'against':10}{'by the clock':26}{'by processor time':26}{'steps/s':>8}")
    for make, steps in ((ring, 100), (dcgan, 10)):
        if args.only in (None, make.__name__):
            compare(make, steps, args.rounds)


def compare(make, steps, rounds):
    trainer = make()
    plain, frozen = by_hand(trainer), by_hand(trainer, frozen=True)
    times = in_turns(
        {
            "trainer": lambda: fit(trainer, steps),
            "plain": lambda: plain(steps),
            "frozen": lambda: frozen(steps),
        },
        rounds,
    )
    speed = steps / min(wall for wall, _ in times["trainer"])
    for other in ("plain", "frozen"):
        clock, cpu = (spread(ratios(times, "trainer", other, kind)) for kind in (0, 1))
        print(f"{make.__name__:8}{other:10}{clock:26}{cpu:26}{speed:8.0f}", flush=True)


if __name__ == "__main__":
    main()
