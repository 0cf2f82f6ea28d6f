"""The plans of our nets."""

from __future__ import annotations

from training.plan import Plan

ATTRIBUTE_SIDE = 96
ATTRIBUTE_STAGES = ((48, 1), (96, 2), (192, 2))
EMBEDDING = 384
AGES, GENDERS = 101, 2

DETECTOR_SIDE = 320
PRIORS = ((8, (16.0, 24.0)), (16, (40.0, 64.0)), (32, (96.0, 144.0)), (64, (208.0, 288.0)))
"""Per map: its step in pixels, and the sides of its square priors in pixels."""
DETECTOR_WIDTHS = (16, 24, 40, 80, 128, 128, 48)
"""Channels of the first two convolutions, of the stages of the four maps, and of the pyramid."""
WIDTHS_OF = ("conv1", "conv2", "conv3_b", "conv4_1_b", "conv5_1_b", "conv6_b", "lateral6")
"""Layers that have these channels."""


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


def detector_plan(widths: tuple[int, ...] = DETECTOR_WIDTHS) -> tuple[Plan, tuple[str, ...]]:
    """Four maps, each told of the coarser one (Lin et al., "Feature Pyramid Networks", CVPR 2017), and their heads.

    The names are location, confidence, location, … from the finest map to the coarsest.
    """
    plan = Plan()
    first, second, *stages, pyramid = widths
    top = plan.conv("conv2", plan.conv("conv1", "data", first, 3, 2), second, 3, 2)
    maps = {}
    for stage, channels, blocks in zip((3, 4, 5, 6), stages, (1, 2, 2, 1), strict=True):
        for block in range(1, blocks + 1):
            name = f"conv{stage}_{block}" if blocks > 1 else f"conv{stage}"
            top = plan.residual(name, top, channels, 2 if block == 1 else 1)
        maps[stage] = top
    heads: list[str] = []
    for stage in (6, 5, 4, 3):
        lateral = plan.conv(f"lateral{stage}", maps[stage], pyramid, 1)
        if stage < 6:
            lateral = plan.add(f"merge{stage}", lateral, plan.enlarge(f"up{stage + 1}", top), relu=False)
        top = lateral
        feature = plan.conv(f"feature{stage}", top, pyramid)
        priors = len(PRIORS[stage - 3][1])
        location = plan.head(f"mbox_loc{stage}", feature, 4 * priors, 3)
        heads = [location, plan.head(f"mbox_conf{stage}", feature, 2 * priors, 3), *heads]
    return plan, tuple(heads)
