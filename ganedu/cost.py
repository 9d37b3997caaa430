"""What a training step costs: count its work, time a few, predict the others.

    work = step_work(trainer)                    # floating-point operations, bytes moved, calls
    machine = fitted(works, seconds)             # from steps of a few sizes
    machine.seconds(work)                        # a size that was never timed

A step is taken to last a + b FLOPs + c bytes + d calls. It knows no caches, no cores, no waiting.
"""

import time
from dataclasses import dataclass

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry


@dataclass(frozen=True)
class Work:
    """What one step asks of a machine, whichever it is."""

    flops: float  # multiplications and additions of convolutions and matrix products
    bytes: float  # read and written, if every operation fetches its inputs and puts its output back
    calls: float  # operations started

    def __add__(self, other):
        return Work(self.flops + other.flops, self.bytes + other.bytes, self.calls + other.calls)


def work_of(function, *args):
    """The Work of one call of a function; it is run."""
    with _Counting() as counted:
        function(*args)
    return Work(float(counted.flops), float(counted.bytes), float(counted.calls))


def step_work(trainer):
    """The Work of one step of a trainer, which is left as it was."""
    with _put_back(trainer):
        _steps(trainer, 1)  # the first one sets up Adam's averages
        return work_of(_steps, trainer, 1)


def step_seconds(trainer, *, steps=2, repeats=5):
    """Processor time of one step, the least of several tries; the trainer is left as it was.

    With one thread, on a CPU, this is the time it would take alone: other programs make one wait, and waiting
    is not counted. (They still share the caches, hence the least.)
    """
    with _put_back(trainer):
        _steps(trainer, 1)
        return min(_processor_time(_steps, trainer, steps) for _ in range(repeats)) / steps


@dataclass(frozen=True)
class Machine:
    """How long a machine takes for each part of the work, in seconds."""

    per_step: float
    per_flop: float
    per_byte: float
    per_call: float

    def parts(self, work):
        """Where a step's time goes: {"flops": seconds, "bytes": ..., "calls": ..., "step": ...}."""
        return {
            "flops": self.per_flop * work.flops,
            "bytes": self.per_byte * work.bytes,
            "calls": self.per_call * work.calls,
            "step": self.per_step,
        }

    def seconds(self, work):
        """How long a step of this work takes."""
        return sum(self.parts(work).values())


def fitted(works, seconds):
    """The Machine that explains the measured seconds [n] of n steps best: least squares of relative errors.

    No part may be negative. Times from 10 ms to 1 s count alike, since errors are relative.
    """
    from scipy.optimize import nnls

    seconds = np.asarray(seconds, dtype=float)
    if len(works) < 4 or len(works) != len(seconds) or not (seconds > 0).all():
        raise ValueError(
            f"four numbers need four timed steps or more; got {len(works)} works and {len(seconds)} times"
        )
    rows = np.array([[1.0, w.flops, w.bytes, w.calls] for w in works])
    unit = rows.max(0).clip(min=1e-300)  # numbers near 1, for the solver
    solution, _ = nnls(rows / unit / seconds[:, None], np.ones(len(rows)))
    return Machine(*(float(x) for x in solution / unit))


def from_datasheet(*, flops, bytes, per_call=40e-6, share=0.3):
    """An estimate for a GPU that one has not timed, from its peak FLOP/s and its memory's bytes/s.

    `share`: of both peaks, how much small networks reach: a guess, expect a factor of two. Starting an
    operation from Python took 43 microseconds beside an H100 (benchmarks/gpu_step.py).
    """
    return Machine(0.0, 1 / (share * flops), 1 / (share * bytes), per_call)


@dataclass(frozen=True)
class Bill:
    """What a run costs."""

    hours: float
    kwh: float
    money: float  # in the currency of the price


def bill(seconds, steps, *, watts, price_per_hour=0.0, price_per_kwh=0.0, overhead=1.0):
    """The Bill of a run: rented by the hour, or at home by the kilowatt hour.

    `overhead`: the rest of the computer and the cooling, as a factor on the processor's watts.
    """
    hours = seconds * steps / 3600
    kwh = hours * watts * overhead / 1000
    return Bill(hours, kwh, hours * price_per_hour + kwh * price_per_kwh)


# ---------------------------------------------------------------- parts


class _Counting(TorchDispatchMode):
    """Counts operations as they start, the bytes of their tensors, and torch's own formulas of FLOPs."""

    def __init__(self):
        super().__init__()
        self.flops = self.bytes = self.calls = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        out = function(*args, **kwargs)
        if not function.is_view:  # a view moves nothing
            self.calls += 1
            self.bytes += sum(x.nbytes for x in _tensors((args, kwargs, out)))
        formula = flop_registry.get(function.overloadpacket)
        self.flops += formula(*args, **kwargs, out_val=out) if formula else 0
        return out


def _tensors(tree):
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, torch.Tensor)]


class _put_back:
    """Whatever a block does to a trainer is undone at its end."""

    def __init__(self, trainer):
        self.trainer = trainer

    def __enter__(self):
        self.state, self.latest = self.trainer.state_dict(), self.trainer.latest

    def __exit__(self, *error):
        self.trainer.load_state_dict(self.state)
        self.trainer.latest = self.latest


def _steps(trainer, n):
    for _ in trainer.steps(n):
        pass


def _processor_time(function, *args):
    begin = time.process_time()
    function(*args)
    return time.process_time() - begin
