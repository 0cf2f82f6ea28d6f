"""The plans of our nets."""

from __future__ import annotations

from training.plan import Plan

ATTRIBUTE_SIDE = 96
ATTRIBUTE_STAGES = ((48, 1), (96, 2), (192, 2))
EMBEDDING = 384
AGES, GENDERS = 101, 2

DETECTOR_SIDE = 320
PRIORS = ((8, (12.0, 17.0, 24.0)), (16, (34.0, 48.0)), (32, (68.0, 96.0)), (64, (136.0, 192.0, 272.0)))
"""Per map: its step in pixels, and the sides of its square priors in pixels."""


def attribute_plan() -> tuple[Plan, tuple[str, str]]:
    """The common trunk of gender and age with both heads; the names of the gender and age logits."""
    plan = Plan()
    top = plan.conv("stem", "data", 32, 3, 2)
    for stage, (channels, blocks) in enumerate(ATTRIBUTE_STAGES, 1):
        for block in range(blocks):
            top = plan.residual(f"stage{stage}_{block}", top, channels, 1 if block else 2)
    top = plan.conv("embedding", top, EMBEDDING, 1)
    top = plan.average("pool", top)
    return plan, (plan.head("gender", top, GENDERS), plan.head("age", top, AGES))


def detector_plan() -> tuple[Plan, tuple[str, ...]]:
    """Four maps, each told of the coarser one (Lin et al., "Feature Pyramid Networks", CVPR 2017), and their heads.

    The names are location, confidence, location, … from the finest map to the coarsest.
    """
    plan = Plan()
    top = plan.conv("stem", "data", 24, 7, 4)
    maps = []
    for stage, (channels, inner, blocks) in enumerate(((48, 24, 2), (80, 40, 2), (128, 64, 2), (128, 64, 1)), 3):
        top = plan.conv(f"stage{stage}", top, channels, 3, 2)
        for block in range(blocks):
            top = plan.bottleneck(f"stage{stage}_{block}", top, inner)
        maps.append(top)
    heads: list[str] = []
    for stage in (6, 5, 4, 3):
        top = maps[stage - 3]
        if stage < 6:
            coarser = plan.conv(f"narrow{stage}", f"merged{stage + 1}" if stage < 5 else maps[3], plan.channels[top], 1)
            top = plan.add(f"merged{stage}", plan.enlarge(f"larger{stage}", coarser), top)
        priors = len(PRIORS[stage - 3][1])
        location = plan.head(f"location{stage}", top, 4 * priors, 3)
        heads = [location, plan.head(f"confidence{stage}", top, 2 * priors, 3), *heads]
    return plan, tuple(heads)
