"""Converts high dynamic range video (PQ and HLG, ITU-R BT.2100) to BT.709, on which the networks are trained.

Each channel goes through one curve: to light in cd/m2, then through the tone mapping of ITU-R BT.2390, which keeps dark
and middle tones and rolls off the rest so that PEAK becomes white; reference white is 203 cd/m2 (ITU-R BT.2408).
Primaries are converted linearly, colours outside BT.709 are clipped, and the gamma is that of ITU-R BT.1886. The system
gamma of HLG is applied to each channel separately.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

# transfer functions and primaries as numbered by FFmpeg
PQ, HLG = 16, 18
TRANSFERS = {PQ: "PQ", HLG: "HLG"}
BT709_PRIMARIES = 1
# matrices from linear RGB to linear BT.709: ITU-R BT.2407, and the D65 variant of SMPTE EG 432-1
BT2020_TO_BT709 = ((1.6605, -0.5876, -0.0728), (-0.1246, 1.1329, -0.0083), (-0.0182, -0.1006, 1.1187))
P3_TO_BT709 = ((1.2249, -0.2247, 0.0), (-0.0420, 1.0419, 0.0), (-0.0197, -0.0786, 1.0979))
PRIMARIES = {11: P3_TO_BT709, 12: P3_TO_BT709}

PEAK, WHITE = 1000.0, 203.0  # cd/m2
HLG_SYSTEM_GAMMA, DISPLAY_GAMMA = 1.2, 2.4
CODES, STEPS = 1 << 12, 1 << 16  # table sizes for code values and for light; dark tones need fine steps of light
ROWS = 128  # rows converted at a time, so that temporary arrays stay in the CPU cache


def to_sdr(image: npt.NDArray[np.uint16], transfer: int, primaries: int) -> npt.NDArray[np.uint8]:
    """Tone-map an HDR picture to 8-bit BT.709.

    Args:
        image: uint16 [height, width, 3], R'G'B' over the full range.
        transfer: PQ or HLG.
        primaries: as numbered by FFmpeg; unknown ones are treated as BT.2020.

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
    """Light of each 12-bit code value after tone mapping, float32 [CODES]; white is 1."""
    code = np.arange(CODES) / (CODES - 1)
    nits = _pq_to_nits(code) if transfer == PQ else _hlg_to_nits(code)
    return (_roll_off(nits) / WHITE).astype(np.float32)


@lru_cache
def _signal_table() -> npt.NDArray[np.uint8]:
    """8-bit signal of evenly spaced light, uint8 [STEPS]."""
    light = np.arange(STEPS) / (STEPS - 1)
    return np.rint(255 * light ** (1 / DISPLAY_GAMMA)).astype(np.uint8)


def _pq_to_nits(code: Floats) -> Floats:
    """EOTF of SMPTE ST 2084."""
    root = code ** (1 / 78.84375)
    return 10000 * (np.maximum(root - 0.8359375, 0) / (18.8515625 - 18.6875 * root)) ** (1 / 0.1593017578125)


def _nits_to_pq(nits: Floats) -> Floats:
    power = (nits / 10000) ** 0.1593017578125
    return ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375


def _hlg_to_nits(code: Floats) -> Floats:
    """Inverse OETF of ARIB STD-B67, then its system gamma for a display with a peak of PEAK."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = np.where(code <= 0.5, code**2 / 3, (np.exp((code - c) / a) + b) / 12)
    return PEAK * scene**HLG_SYSTEM_GAMMA


def _roll_off(nits: Floats) -> Floats:
    """EETF of BT.2390 without black level: a Hermite spline above the knee, on PQ values relative to PEAK."""
    peak, white = _nits_to_pq(np.array([PEAK, WHITE]))
    x, most = np.minimum(_nits_to_pq(nits) / peak, 1), white / peak
    knee = 1.5 * most - 0.5
    t = (x - knee) / (1 - knee)
    spline = (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (3 * t**2 - 2 * t**3) * most
    return _pq_to_nits(np.where(x < knee, x, spline) * peak)
