"""High dynamic range (PQ and HLG, ITU-R BT.2100) shown as BT.709, the range that the networks have been trained on.

Each channel goes through one curve: to light in cd/m2, then through the tone mapping of ITU-R BT.2390, which leaves
dark and middle tones as they are and rolls off the rest, so that PEAK becomes white; white is at the 203 cd/m2 of ITU-R
BT.2408. Primaries are converted linearly, what lies outside BT.709 is clipped, and the gamma is that of ITU-R BT.1886.
HLG's system gamma is applied to each channel by itself.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

# FFmpeg's numbers of transfer functions and primaries
PQ, HLG = 16, 18
TRANSFERS = {PQ: "PQ", HLG: "HLG"}
BT709_PRIMARIES = 1
# linear RGB to BT.709's, ITU-R BT.2407 and the D65 form of SMPTE EG 432-1
BT2020_TO_BT709 = ((1.6605, -0.5876, -0.0728), (-0.1246, 1.1329, -0.0083), (-0.0182, -0.1006, 1.1187))
P3_TO_BT709 = ((1.2249, -0.2247, 0.0), (-0.0420, 1.0419, 0.0), (-0.0197, -0.0786, 1.0979))
PRIMARIES = {11: P3_TO_BT709, 12: P3_TO_BT709}

PEAK, WHITE = 1000.0, 203.0  # cd/m2
HLG_SYSTEM_GAMMA, DISPLAY_GAMMA = 1.2, 2.4
CODES, STEPS = 1 << 12, 1 << 16  # entries of the tables: of code values, and of light, which the dark tones need finely
ROWS = 128  # rows that are converted together: the temporary arrays stay in the processor's cache


def to_sdr(image: npt.NDArray[np.uint16], transfer: int, primaries: int) -> npt.NDArray[np.uint8]:
    """Convert a picture.

    Args:
        image: uint16 [height, width, 3], R'G'B' over the full range.
        transfer: PQ or HLG.
        primaries: FFmpeg's number; unknown ones are taken for BT.2020's.

    Returns:
        uint8 [height, width, 3].
    """
    light, signal = _light_table(transfer), _signal_table()
    matrix = np.array(PRIMARIES.get(primaries, BT2020_TO_BT709), np.float32).T
    if primaries == BT709_PRIMARIES:
        matrix = np.eye(3, dtype=np.float32)
    result = np.empty(image.shape, np.uint8)
    for top in range(0, len(image), ROWS):
        linear = light[image[top : top + ROWS] >> 4] @ matrix
        steps = (linear * (STEPS - 1)).clip(0, STEPS - 1).astype(np.uint16)
        result[top : top + ROWS] = signal[steps]
    return result


@lru_cache
def _light_table(transfer: int) -> npt.NDArray[np.float32]:
    """Light [CODES] of each 12-bit code value after tone mapping, 1 at white."""
    code = np.arange(CODES) / (CODES - 1)
    nits = _pq_to_nits(code) if transfer == PQ else _hlg_to_nits(code)
    return (_roll_off(nits) / WHITE).astype(np.float32)


@lru_cache
def _signal_table() -> npt.NDArray[np.uint8]:
    """8-bit signal [STEPS] of evenly spaced light."""
    light = np.arange(STEPS) / (STEPS - 1)
    return np.rint(255 * light ** (1 / DISPLAY_GAMMA)).astype(np.uint8)


def _pq_to_nits(code: Floats) -> Floats:
    """The EOTF of SMPTE ST 2084."""
    root = code ** (1 / 78.84375)
    return 10000 * (np.maximum(root - 0.8359375, 0) / (18.8515625 - 18.6875 * root)) ** (1 / 0.1593017578125)


def _nits_to_pq(nits: Floats) -> Floats:
    power = (nits / 10000) ** 0.1593017578125
    return ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375


def _hlg_to_nits(code: Floats) -> Floats:
    """The inverse OETF of ARIB STD-B67, then its system gamma on a display of PEAK."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = np.where(code <= 0.5, code**2 / 3, (np.exp((code - c) / a) + b) / 12)
    return PEAK * scene**HLG_SYSTEM_GAMMA


def _roll_off(nits: Floats) -> Floats:
    """BT.2390's EETF without its black level: a Hermite spline above the knee, over PQ values relative to PEAK."""
    peak, white = _nits_to_pq(np.array([PEAK, WHITE]))
    x, most = np.minimum(_nits_to_pq(nits) / peak, 1), white / peak
    knee = 1.5 * most - 0.5
    t = (x - knee) / (1 - knee)
    spline = (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (3 * t**2 - 2 * t**3) * most
    return _pq_to_nits(np.where(x < knee, x, spline) * peak)
