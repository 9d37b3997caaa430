"""What the benchmarks share: the machine's name, records, and timing in turns, so that load is shared."""

import json
import os
import platform
import statistics
import time

import torch


def machine():
    """The machine in one line, without its name: processor, cores, GPU, versions, threads, load."""
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    return (
        f"{processor()}, {os.cpu_count()} cores, {gpu}; "
        f"torch {torch.__version__} with {torch.get_num_threads()} threads, "
        f"Python {platform.python_version()}; load {load()}"
    )


def processor():
    """The processor's name, with a word on AMX, which decides about bfloat16."""
    try:
        with open("/proc/cpuinfo") as info:
            name = next(
                line.split(":")[1].strip() for line in info if line.startswith("model name")
            )
    except (OSError, StopIteration):
        name = platform.processor() or platform.machine()
    amx = getattr(torch.cpu, "_is_amx_tile_supported", lambda: False)()
    return f"{name} ({'with' if amx else 'without'} AMX)"


def load():
    """How busy the machine is: figures taken under load are worth less."""
    return f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"


def record(file, command, rows, **more):
    """Write rows of a recorded run, with the command and the machine that made them."""
    rows = [{k: round(v, 4) if isinstance(v, float) else v for k, v in r.items()} for r in rows]
    made = {"command": command, "machine": machine(), **more, "rows": rows}
    file.write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")


def timed(work):
    """Seconds that work() takes: (by the clock, of this process's processors)."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - wall, time.process_time() - cpu


def in_turns(contenders, rounds):
    """{name: work} -> {name: [(wall, cpu), ...]}: taking turns, in another order each round."""
    for work in contenders.values():
        work()  # the first time allocates and compiles
    names, times = list(contenders), {name: [] for name in contenders}
    for turn in range(rounds):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            times[name].append(timed(contenders[name]))
    return times


def ratios(times, of, to, kind=0):
    """How many times faster `of` was than `to`, in each round (kind 0: clock, 1: processor)."""
    return [theirs[kind] / mine[kind] for mine, theirs in zip(times[of], times[to])]


def spread(values):
    """Median and quartiles, such as '0.98 (0.96 to 1.00)'."""
    low, _, high = statistics.quantiles(values, n=4)
    return f"{statistics.median(values):.3f} ({low:.3f} to {high:.3f})"
