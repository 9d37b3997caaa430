"""A small digit classifier: the judge of generated digits, and the course's own feature network.

It is trained on real digits alone; no generator ever sees it.
"""

import torch
from torch import nn
from torch.nn.functional import cross_entropy
from tqdm.auto import tqdm


class DigitClassifier(nn.Module):
    """Images [n, 1, 28, 28] in [-1, 1] -> logits [n, 10]; `features` gives the layer before, [n, 64]."""

    def __init__(self, width=16, classes=10):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, width, 5, 2, 2),
            nn.ReLU(),  # [n, 16, 14, 14]
            nn.Conv2d(width, 2 * width, 5, 2, 2),
            nn.ReLU(),  # [n, 32, 7, 7]
            nn.Flatten(),
            nn.Linear(2 * width * 49, 64),
            nn.ReLU(),  # [n, 64]
        )
        self.last = nn.Linear(64, classes)

    def forward(self, x):
        return self.last(self.features(x))  # [n, 10]


def train_classifier(data, *, steps=500, batch=128, seed=0, progress=True):
    """Train a DigitClassifier on labelled Images, shifted by up to two pixels; about 5 seconds."""
    if data.y is None:
        raise ValueError(f"{data.name} has no labels: a classifier needs them")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = DigitClassifier()
    rng = torch.Generator().manual_seed(seed)
    optimiser = torch.optim.Adam(net.parameters(), lr=2e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4e-3, total_steps=steps)
    x, y = data.x.cpu(), data.y.cpu()
    for _ in tqdm(range(steps), leave=False, delay=1, disable=not progress, desc="judge"):
        rows = torch.randint(len(x), (batch,), generator=rng)
        dx, dy = torch.randint(-2, 3, (2,), generator=rng).tolist()
        loss = cross_entropy(net(x[rows].roll((dy, dx), (2, 3))), y[rows])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return net.eval()


@torch.no_grad()
def probabilities(net, x):
    """The classifier's softmax for images x [n, 1, 28, 28]: [n, 10]."""
    return torch.cat([net(part.float().cpu()).softmax(1) for part in x.split(1000)])
