"""How long `import ganedu`, and what notebooks import from it, take beyond `import torch`.

Each import runs in a new process, in turns. Target: `import ganedu` at most 0.3 s.
"""

import argparse
import statistics
import subprocess
import sys

from common import machine

IMPORTS = {
    "import torch": "import torch",
    "import ganedu": "import torch, ganedu",
    "from ganedu.trainer import Trainer": "import torch, ganedu.trainer",
    "all that a first lesson imports": (
        "import torch, ganedu.data, ganedu.losses, ganedu.networks, ganedu.trainer, ganedu.viz"
    ),
}
CLOCK = "import time; begin = time.perf_counter(); {}; print(time.perf_counter() - begin)"


def seconds(code):
    done = subprocess.run(
        [sys.executable, "-c", CLOCK.format(code)], check=True, capture_output=True, text=True
    )
    return float(done.stdout)


def main():
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--rounds", type=int, default=7, help="default: %(default)s")
    args = options.parse_args()
    print(machine())
    for code in IMPORTS.values():
        seconds(code)  # the first time reads the files from the disk
    taken = {name: [] for name in IMPORTS}
    for _ in range(args.rounds):
        for name, code in IMPORTS.items():
            taken[name].append(seconds(code))
    torch_alone = taken["import torch"]
    print(f"{'':38}{'median':>9}{'beyond torch':>15}   ({args.rounds} rounds in turns)")
    for name, values in taken.items():
        beyond = statistics.median(v - t for v, t in zip(values, torch_alone))
        print(f"{name:38}{statistics.median(values):7.2f} s{beyond:13.2f} s")


if __name__ == "__main__":
    main()
