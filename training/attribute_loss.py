"""How far answers about gender and age are from what is known of a face.

Age is a distribution over the years 0–100 (Gao et al., "Deep Label Distribution Learning", IEEE TIP 2017) whose
expectation is also pulled to the label (Gao et al., "Age Estimation Using Expectation of Label Distribution Learning",
IJCAI 2018): the labels are uncertain, and the more so the older the face.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from training.nets import AGES

YEARS = torch.arange(AGES, dtype=torch.float32)
GENDER_WEIGHT = 3.0
"""Its loss is a tenth of the age's, and the trunk would serve age alone."""


def loss_of(answers: list[Tensor], ages: Tensor, genders: Tensor) -> Tensor:
    """The loss of a batch's logits, gender (n, 2, 1, 1) and age (n, 101, 1, 1), against labels (n,)."""
    width = 1.0 + 0.04 * ages[:, None]  # years; people agree less about older faces
    target = torch.softmax(-(((YEARS.to(ages.device) - ages[:, None]) / width) ** 2) / 2, dim=1)
    return loss_towards(answers, genders, target, ages.float(), smoothing=0.02)


def loss_towards(
    answers: list[Tensor], genders: Tensor, distribution: Tensor, expected: Tensor, smoothing: float = 0.0
) -> Tensor:
    """How far logits are from genders, as labels (n,) or probabilities (n, 2), an age's distribution (n, 101) and its
    expectation in years (n,)."""
    gender, age = (answer.flatten(1).float() for answer in answers)
    log_probability = torch.log_softmax(age, dim=1)
    entropy = -(distribution * log_probability).sum(dim=1).mean()
    distance = functional.smooth_l1_loss((log_probability.exp() * YEARS.to(age.device)).sum(dim=1), expected)
    of_gender = functional.cross_entropy(gender, genders, label_smoothing=smoothing)
    return entropy + 0.2 * distance + GENDER_WEIGHT * of_gender
