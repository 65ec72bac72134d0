"""A session for the pretended device."""

from sam2long import Session, TreeConfig

RESTLESS = TreeConfig(uncertainty_threshold=50.0)
"""Every frame is uncertain, so that pathways part."""


def start(model, clip, tree=RESTLESS, source=None, **how):
    """A session with two objects, marked by a mask, a box and points."""
    session = Session(model, clip.frames if source is None else source, tree=tree, **{"keep_logits": True, **how})
    session.add_mask(0, 1, clip.mask(1))
    session.add_box(0, 2, clip.box(2))
    session.add_points(0, 2, [clip.middle(2), clip.middle(1)], [1, 0])
    return session
