"""sam2long: follow objects through long videos with Segment Anything 2 and a training-free memory tree.

    model = sam2long.load_model("sam2.1-hiera-large")
    session = sam2long.Session(model, "match.mp4")
    session.add_box(frame=0, object_id=1, box=(300, 0, 500, 400))
    for result in session.propagate():
        result.masks[1]

Heavy dependencies such as PyTorch are imported only when first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from sam2long.errors import UserError
from sam2long.version import VERSION as __version__

if TYPE_CHECKING:
    from sam2long.model import SAM2, load_model
    from sam2long.results import FrameResult
    from sam2long.running.prompts.reading import load_prompts
    from sam2long.tracking import Preview, Session, follow
    from sam2long.tree import TreeConfig
    from sam2long.video import open_video

_PACKAGES = {
    "SAM2": "model",
    "load_model": "model",
    "Preview": "tracking",
    "Session": "tracking",
    "follow": "tracking",
    "TreeConfig": "tree",
    "FrameResult": "results",
    "load_prompts": "running.prompts.reading",
    "open_video": "video",
}

__all__ = [
    "SAM2",
    "FrameResult",
    "Preview",
    "Session",
    "TreeConfig",
    "UserError",
    "__version__",
    "follow",
    "load_model",
    "load_prompts",
    "open_video",
]


def __getattr__(name: str) -> object:
    """Import a public name from its package on first use (PEP 562)."""
    if name not in _PACKAGES:
        raise AttributeError(f"module 'sam2long' has no attribute {name!r}")
    return getattr(import_module(f"sam2long.{_PACKAGES[name]}"), name)


def __dir__() -> list[str]:
    """Return the public names."""
    return __all__
