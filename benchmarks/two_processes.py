"""Two processes that train one DCGAN by torchrun, against one process of one thread and one of two.

    python benchmarks/two_processes.py                # batches of 64 in each process
    python benchmarks/two_processes.py --batch 256

Images a second by the clock, for waiting is what this is about: it needs a machine with nothing else to do.
Each turn starts its processes anew; only the steps after the first twenty are timed. Two processes that
train apart and never meet show what the machine gives at most: the rest is the price of averaging.
Target: 1.5 times one process of one thread, 1.0 times one of two threads.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from common import machine, record, spread
from tqdm import tqdm

from ganedu import data, processes
from ganedu.networks import DCGANDiscriminator, DCGANGenerator
from ganedu.trainer import Trainer

RUN = [sys.executable, "-W", "ignore"]
TORCHRUN = [*RUN, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
WAYS = {  # how often the command runs at once, the command, threads of each process
    "one process, one thread": (1, RUN, 1),
    "one process, two threads": (1, RUN, 2),
    "two processes": (1, TORCHRUN, 1),
    "two that never meet": (2, RUN, 1),
}


def train(steps, batch, out):
    """What a started process does; the first of them writes the images a second of all that have met."""
    with processes.joined("cpu"):
        torch.manual_seed(0)
        players = {"G": DCGANGenerator(), "D": DCGANDiscriminator()}
        trainer = Trainer(**players, data=data.digits(), batch=batch, device="cpu")
        trainer.fit(20, progress=False)
        begin = time.perf_counter()
        trainer.fit(steps, every=steps, progress=False)
        seconds = time.perf_counter() - begin
        if processes.first():
            Path(out).write_text(json.dumps(steps * batch * processes.place()[1] / seconds))


def images_a_second(way, args):
    """Start the processes of this way, wait for them, add what they wrote."""
    copies, command, threads = WAYS[way]
    told = ["--steps", str(args.steps), "--batch", str(args.batch)]
    with tempfile.TemporaryDirectory() as folder:
        outs = [Path(folder) / f"{k}.json" for k in range(copies)]
        started = [
            subprocess.Popen(
                [*command, __file__, *told, "--as-process", str(out)],
                env={**os.environ, "OMP_NUM_THREADS": str(threads)},
            )
            for out in outs
        ]
        ended = [process.wait() for process in started]
        if any(ended):
            sys.exit(f"{way}: a process failed; its words are above")
        return sum(json.loads(out.read_text()) for out in outs)


def compare(args):
    """All ways in turns, printed and recorded."""
    print(machine())
    rates = {way: [] for way in WAYS}
    for turn in tqdm([way for _ in range(args.rounds) for way in WAYS]):
        rates[turn].append(images_a_second(turn, args))
    for way, of_way in rates.items():
        gained = [one / base for one, base in zip(of_way, rates["one process, one thread"])]
        print(f"{way:<26}{statistics.median(of_way):7.0f} images a second; {spread(gained)} times")
    versus = [a / b for a, b in zip(rates["two processes"], rates["one process, two threads"])]
    print(f"two processes to one of two threads: {spread(versus)}")
    if args.out:
        rows = [{"way": way, "images": rate} for way, of_way in rates.items() for rate in of_way]
        options = f"--rounds {args.rounds} --steps {args.steps} --batch {args.batch}"
        command = f"python benchmarks/two_processes.py {options}"
        record(args.out, command, rows)


def main():
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--rounds", type=int, default=5, help="default: %(default)s")
    options.add_argument("--steps", type=int, default=60, help="timed (default: %(default)s)")
    options.add_argument("--batch", type=int, default=64, help="of each (default: %(default)s)")
    options.add_argument("--out", type=Path, help="record the rows in this file")
    options.add_argument("--as-process", help=argparse.SUPPRESS)
    args = options.parse_args()
    if args.as_process:
        train(args.steps, args.batch, args.as_process)
    else:
        compare(args)


if __name__ == "__main__":
    main()
