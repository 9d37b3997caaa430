"""What happened in training, in numbers: each with its unit, and what a perfect generator would score.

Counting needs ground truth: a mixture whose modes we know (`coverage`), a judge that names digits
(`digits`). Where there is none, `copies` compares samples with each other and with real ones; `health`
looks at the two players. `ganedu.doctor` puts the numbers together into a diagnosis.
"""

from ganedu.diagnostics.copies import (
    Birthday,
    Memorisation,
    birthday,
    in_tail,
    memorisation,
)
from ganedu.diagnostics.coverage import (
    ModeCoverage,
    Movement,
    WithinModes,
    kl,
    kl_floor,
    kl_floor_sd,
    mode_coverage,
    movement,
    reach,
    true_quality,
    within_modes,
)
from ganedu.diagnostics.digits import (
    ClassCoverage,
    StackedCoverage,
    class_coverage,
    confusion,
    modes_reported,
    stacked_coverage,
)
from ganedu.diagnostics.health import (
    Health,
    health,
)

__all__ = [
    "Birthday",
    "ClassCoverage",
    "Health",
    "Memorisation",
    "ModeCoverage",
    "Movement",
    "StackedCoverage",
    "WithinModes",
    "birthday",
    "class_coverage",
    "confusion",
    "health",
    "in_tail",
    "kl",
    "kl_floor",
    "kl_floor_sd",
    "memorisation",
    "mode_coverage",
    "modes_reported",
    "movement",
    "reach",
    "stacked_coverage",
    "true_quality",
    "within_modes",
]
