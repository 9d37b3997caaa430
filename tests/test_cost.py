"""The cost of a step: work that follows from the shapes, a machine found again from its own times."""

import pytest
import torch
from recipes import mlp, same
from torch import nn

from ganedu import cost
from ganedu.cost import Machine, Work


def test_a_matrix_product_is_counted_by_hand():
    a, b = torch.rand(30, 20), torch.rand(20, 50)
    work = cost.work_of(torch.mm, a, b)
    assert work == Work(2 * 30 * 20 * 50, 4 * (30 * 20 + 20 * 50 + 30 * 50), 1)


def test_a_convolution_forward_and_back_is_three_times_one_way():
    """Back: once for the input's gradient, once for the weights'."""
    layer = nn.Conv2d(3, 8, 4, 2, 1, bias=False)
    x = torch.rand(5, 3, 16, 16, requires_grad=True)
    forward = cost.work_of(layer, x).flops
    both = cost.work_of(lambda: layer(x).sum().backward()).flops
    assert forward == 2 * 5 * 8 * 8 * 8 * 3 * 4 * 4 and both == 3 * forward


def test_a_view_moves_nothing():
    x = torch.rand(6, 4)
    assert cost.work_of(lambda: x.view(4, 6).T[1:]) == Work(0, 0, 0)


def test_looking_at_the_work_and_the_time_leaves_the_trainer_as_it_was():
    looked_at, plain = mlp(ema=0.9), mlp(ema=0.9)
    for trainer in (looked_at, plain):
        trainer.fit(3, progress=False)
    before = looked_at.latest
    cost.step_work(looked_at)
    assert cost.step_seconds(looked_at, steps=1, repeats=2) > 0
    assert looked_at.latest is before and same(looked_at.state_dict(), plain.state_dict())
    for trainer in (looked_at, plain):
        trainer.fit(3, progress=False)
    assert same(looked_at.state_dict(), plain.state_dict())


def test_twice_the_batch_is_twice_the_flops_and_the_same_calls():
    one, two = (cost.step_work(mlp(batch=batch)) for batch in (32, 64))
    assert two.flops == pytest.approx(2 * one.flops) and two.calls == one.calls
    assert (
        one.bytes < two.bytes < 2 * one.bytes
    )  # weights and Adam's averages are moved once a step


def works(n):
    """Work of n steps over two orders of magnitude, its three parts drawn apart."""
    draws = torch.rand(n, 3, generator=torch.Generator().manual_seed(0))
    units = torch.tensor([1e8, 1e6, 10.0])
    return [Work(*row) for row in (10 ** (2 * draws) * units).tolist()]


def test_a_machine_is_found_again_from_its_own_times():
    true = Machine(per_step=2e-3, per_flop=1e-11, per_byte=2e-10, per_call=1e-5)
    found = cost.fitted(works(12), [true.seconds(w) for w in works(12)])
    for name in ("per_step", "per_flop", "per_byte", "per_call"):
        assert getattr(found, name) == pytest.approx(getattr(true, name), rel=1e-6)


def test_no_part_of_a_machine_is_negative():
    """Times without any cost of calls, with noise, may not be explained by calls that take less than 0."""
    true = Machine(per_step=0.0, per_flop=1e-11, per_byte=2e-10, per_call=0.0)
    noise = 1 + 0.2 * torch.randn(12, generator=torch.Generator().manual_seed(1))
    found = cost.fitted(works(12), [true.seconds(w) * f for w, f in zip(works(12), noise.tolist())])
    assert min(vars(found).values()) >= 0


def test_a_fit_to_too_few_steps_is_refused():
    with pytest.raises(ValueError, match="four timed steps or more; got 3 works"):
        cost.fitted(works(3), [1.0, 2.0, 3.0])


def test_parts_add_up_to_the_whole():
    machine, work = Machine(1e-3, 1e-11, 1e-10, 1e-5), Work(3e9, 1e8, 200)
    parts = machine.parts(work)
    assert sum(parts.values()) == machine.seconds(work)
    assert parts == pytest.approx({"flops": 0.03, "bytes": 0.01, "calls": 0.002, "step": 0.001})


def test_a_datasheet_gives_the_time_of_a_step_by_hand():
    """At 30% of 10 TFLOP/s and of 300 GB/s: 1 ms, 1 ms, and 8 ms for 200 calls."""
    gpu = cost.from_datasheet(flops=10e12, bytes=300e9)
    assert gpu.seconds(Work(3e9, 9e7, 200)) == pytest.approx(10e-3)


def test_a_bill_by_hand():
    """0.1 s x 72,000 steps: 2 hours; 300 W with half as much again for the rest: 0.9 kWh."""
    bill = cost.bill(0.1, 72_000, watts=300, overhead=1.5, price_per_hour=2.0, price_per_kwh=0.5)
    assert (bill.hours, bill.kwh, bill.money) == pytest.approx((2.0, 0.9, 4.45))
