"""Several processes that train one model. torchrun starts them; here they meet and agree.

    torchrun --nproc-per-node=2 -m ganedu train mnist

Each takes its share of every batch, gradients are averaged where a step descends, and the first
process alone keeps files. The engine is torch.distributed: gloo for CPUs, nccl for GPUs.
"""

import os
import sys
from contextlib import contextmanager, suppress
from datetime import timedelta

import numpy as np
import torch
from torch import distributed


class Lost(RuntimeError):
    """Another process ended, or did not answer in time."""


def place():
    """(number of this process, how many there are); alone (0, 1)."""
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    return 0, 1


def first():
    """Whether this is the process that keeps files and speaks."""
    return place()[0] == 0


def several():
    """Whether there is more than one."""
    return place()[1] > 1


@contextmanager
def joined(device="auto", seconds=300):
    """Inside the block the processes that torchrun started are one group; alone nothing changes.

    A process that waits longer than `seconds` for another raises `Lost`. With GPUs each process of a
    machine gets its own, by its local number.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1 or several():
        yield
        return
    backend = _backend(device)
    _stay_at_home()
    with _answered():
        distributed.init_process_group(backend, timeout=timedelta(seconds=seconds))
    try:
        yield
    finally:
        with suppress(RuntimeError):  # what was lost cannot take leave
            distributed.destroy_process_group()


def _backend(device):
    if device not in ("auto", "cuda") or not torch.cuda.is_available():
        return "gloo"
    mine, there = int(os.environ.get("LOCAL_RANK", "0")), torch.cuda.device_count()
    if mine >= there:
        raise ValueError(
            f"{there} GPU{'s' * (there != 1)} and more processes than that on this machine: start "
            "one for each, or train on --device cpu"
        )
    torch.cuda.set_device(mine)
    return "cpu:gloo,cuda:nccl"


def _stay_at_home():
    """All on this machine: they talk over its own loopback, which needs no name and no network."""
    here = os.environ.get("LOCAL_WORLD_SIZE") == os.environ["WORLD_SIZE"]
    loopback = {"linux": "lo", "darwin": "lo0"}.get(sys.platform)
    if here and loopback and os.environ.get("MASTER_ADDR") in ("127.0.0.1", "localhost"):
        os.environ.setdefault("GLOO_SOCKET_IFNAME", loopback)


@contextmanager
def _answered():
    try:
        yield
    except (
        RuntimeError
    ) as error:  # torch's own of lost connections and of waiting too long are some
        why = " ".join(str(error).split())[:160]
        raise Lost(
            "another process of this training ended, or did not answer in time: the last checkpoint "
            f"is whole, and --resume goes on from it ({why})"
        ) from None


# ---------------------------------------------------------------- agreeing


def average(parts):
    """Replace each tensor by its mean over the processes, all in one message."""
    flat = torch.cat([part.flatten() for part in parts])
    with _answered():
        distributed.all_reduce(flat)
    flat /= distributed.get_world_size()
    for part, mean in zip(parts, flat.split([part.numel() for part in parts])):
        part.copy_(mean.view_as(part))


def any_of(flag):
    """Whether the flag is set in any of the processes: all get the same answer."""
    if not several():
        return flag
    asked = torch.tensor([float(flag)], device=_meeting_place())
    with _answered():
        distributed.all_reduce(asked)
    return bool(asked.item())


def share(nets):
    """Give all processes the first one's weights and buffers."""
    if several():
        with _answered():
            for net in nets:
                for value in net.state_dict().values():
                    distributed.broadcast(value, 0)


def from_first(make):
    """What make() returns in the first process, in all of them; the others do not call it."""
    if not several():
        return make()
    box = [make() if first() else None]
    with _answered():
        distributed.broadcast_object_list(box, 0, device=_meeting_place())
    return box[0]


def first_then_others(make):
    """make() in each process, in the first one before the others: it may download."""
    made = make() if first() else None
    any_of(False)  # the others wait here
    return made if first() else make()


def own_seed(seed, step):
    """A seed for what a process draws for itself alone in a step: dropout, and points of a penalty.

    A function of (seed, step, process) and of nothing else, so a resumed run draws the same.
    """
    rank, _ = place()
    return int(np.random.SeedSequence([seed % 2**64, step, rank]).generate_state(1)[0])


def _meeting_place():
    """Where small messages are: on the CPU where gloo serves it, so that no GPU has to wait."""
    on_cpu = "cpu:gloo" in distributed.get_backend_config() or distributed.get_backend() == "gloo"
    return torch.device("cpu" if on_cpu else "cuda")
