"""Downloads published weights from the Hugging Face hub, or finds them in its local cache."""

from __future__ import annotations

import threading
import warnings
from pathlib import Path

from sam2long.errors import CheckpointError

_PUBLISHED = {
    "medsam2": ("wanglab/MedSAM2", ("MedSAM2_latest.pt",)),
    "sam3": ("facebook/sam3", ("model.safetensors",)),
    "edgetam": ("yonigozlan/EdgeTAM-hf", ("model.safetensors",)),
    **{
        f"efficienttam-{size}": (
            "yunyangx/efficient-track-anything",
            (f"efficienttam_{size}.pt".replace("-512", "_512x512").replace("-", "_"),),
        )
        for size in ("s", "s-1", "s-2", "s-512", "ti", "ti-1", "ti-2", "ti-512")
    },
}
"""Repository and files, in order of preference, where they are not those that Meta gave SAM 2."""

_MEGABYTES = {"tiny": 156, "small": 184, "base-plus": 324, "large": 898, "sam3": 3440}
"""Size of the published files by the end of the preset name; SAM 3's holds its detector too."""
_LARGE = 300
_SECONDS = 8.0
"""Time the hub may take to answer; its own client would retry for half a minute."""


def download(name: str) -> Path:
    """Get the published checkpoint of a preset: from the cache, else from the hub.

    Warns before a large download and suggests smaller models.

    Raises:
        CheckpointError: the checkpoint is neither in the cache nor reachable.
    """
    from huggingface_hub import hf_hub_download, try_to_load_from_cache
    from huggingface_hub.errors import EntryNotFoundError, GatedRepoError, HfHubHTTPError, LocalEntryNotFoundError

    usual = f"facebook/{name}", ("model.safetensors", name.replace("-", "_") + ".pt")
    repository, files = _PUBLISHED.get(name, usual)
    last = files[-1]
    for file in files:
        cached = try_to_load_from_cache(repository, file)
        if isinstance(cached, str):
            return Path(cached)
    if not _answers(repository):
        raise _unreachable(repository, last, "no connection, and it is not in the local cache")
    _warn_if_large(name)
    try:
        try:
            return Path(hf_hub_download(repository, files[0]))
        except EntryNotFoundError as error:
            if isinstance(error, LocalEntryNotFoundError) or len(files) == 1:
                raise
            return Path(hf_hub_download(repository, last))
    except GatedRepoError as error:
        raise CheckpointError(
            f"the weights of {repository} are handed out only to those who accept their licence: do so on its page of "
            f"the Hugging Face hub and log in with `hf auth login`, or download {last} and pass the file as the "
            "checkpoint"
        ) from error
    except (OSError, HfHubHTTPError) as error:
        offline = isinstance(error, LocalEntryNotFoundError)
        reason = "no connection, and it is not in the local cache" if offline else str(error).partition("\n")[0]
        raise _unreachable(repository, last, reason) from error


def _warn_if_large(name: str) -> None:
    size = next((size for end, size in _MEGABYTES.items() if name.endswith(end)), 0)
    if size > _LARGE:
        family = name.partition("-")[0] if "-" in name else "sam2.1"
        smaller = f"{family}-hiera-small ({_MEGABYTES['small']} MB) and {family}-hiera-tiny ({_MEGABYTES['tiny']} MB)"
        warnings.warn(f"downloading the weights of {name}, {size} MB, once; smaller models are {smaller}", stacklevel=2)


def _answers(repository: str) -> bool:
    """Return whether the hub responds in time, with any status; uses the same proxies as its client."""
    from huggingface_hub import constants
    from huggingface_hub.utils import get_session  # type: ignore[attr-defined]

    answered: list[bool] = []

    def ask() -> None:
        try:
            get_session().head(f"{constants.ENDPOINT}/{repository}", timeout=_SECONDS / 2)
        except Exception:  # the exception types depend on the version of the hub client
            return
        answered.append(True)

    # No timeout covers a name server that does not respond, so ask on a thread.
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(_SECONDS)
    return bool(answered)


def _unreachable(repository: str, file: str, reason: str) -> CheckpointError:
    return CheckpointError(
        f"could not fetch the weights of {repository} from the Hugging Face hub ({reason}); use --model nano, which "
        f"works offline, or download {file} on a machine with a connection and pass the file as the checkpoint"
    )
