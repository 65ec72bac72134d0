"""A second implementation of the scoring rules, written from their description: short, slow, whole in memory."""

from __future__ import annotations

import math

import numpy as np


def boundary(mask: np.ndarray) -> np.ndarray:
    height, width = mask.shape
    east, south, diagonal = (np.zeros_like(mask) for _ in range(3))
    east[:, :-1], south[:-1], diagonal[:-1, :-1] = mask[:, 1:], mask[1:], mask[1:, 1:]
    result = (mask ^ east) | (mask ^ south) | (mask ^ diagonal)
    result[height - 1] = (mask ^ east)[height - 1]
    result[:, width - 1] = (mask ^ south)[:, width - 1]
    result[height - 1, width - 1] = False
    return result


def near(a: np.ndarray, b: np.ndarray, radius: int) -> int:
    """How many points of `a` have one of `b` within `radius`."""
    p, q = np.argwhere(a), np.argwhere(b)
    return int((((p[:, None] - q[None]) ** 2).sum(-1).min(1) <= radius**2).sum())


def j_and_f(pred: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    union = (pred | truth).sum()
    j = (pred & truth).sum() / union if union else 1.0
    bp, bt = boundary(pred), boundary(truth)
    if not bp.any() or not bt.any():
        return float(j), float(bp.any() == bt.any())
    radius = math.ceil(0.008 * math.sqrt(pred.shape[0] ** 2 + pred.shape[1] ** 2))
    precision, recall = near(bp, bt, radius) / bp.sum(), near(bt, bp, radius) / bt.sum()
    return float(j), 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def sav(preds: list[list[np.ndarray]], truths: list[list[np.ndarray]]) -> tuple[float, float]:
    """Mean J and F in percent over the objects of all videos."""
    js, fs = [], []
    for pred, truth in zip(preds, truths):
        pred, truth = pred[1:-1], truth[1:-1]
        for object_id in sorted(set(np.unique(truth)) - {0}):
            started, j, f = False, [], []
            for p, t in zip(pred, truth):
                started = started or (p == object_id).any() or (t == object_id).any()
                if started:
                    scores = j_and_f(p == object_id, t == object_id)
                    j.append(scores[0]), f.append(scores[1])
            js.append(100 * np.mean(j)), fs.append(100 * np.mean(f))
    return float(np.mean(js)), float(np.mean(fs))


def davis(preds: list[list[np.ndarray]], truths: list[list[np.ndarray]]) -> list[tuple[list[float], list[float]]]:
    """J and F of every frame, for every object."""
    objects = []
    for pred, truth in zip(preds, truths):
        truth = [np.where(image == 255, 0, image) for image in truth]
        for object_id in range(1, int(truth[0].max()) + 1):
            scores = [j_and_f(p == object_id, t == object_id) for p, t in zip(pred[1:-1], truth[1:-1])]
            objects.append(([j for j, _ in scores], [f for _, f in scores]))
    return objects


def lvos_object(
    pred: dict[int, np.ndarray], truth: dict[int, np.ndarray], object_id: int, start: int, end: int, count: int
) -> tuple[float, float, float]:
    """J, F and V of one object by the evaluator of 2024."""
    j, f = np.zeros(count - 2), np.zeros(count - 2)
    for k, number in enumerate(range(start, end, 5)):
        if k not in (0, count - 1):
            j[k - 1], f[k - 1] = j_and_f(pred[number] == object_id, truth[number] == object_id)
    x = (j + f) / 2
    return float(j.mean()), float(f.mean()), float(np.sqrt(np.round(np.mean((x.mean() - x) ** 2), 4)))
