"""Occlusion maps: cover parts of a frame and measure how much the label's log-probability falls."""

import cv2
import numpy as np

from .classifier import Classifier
from .framing import SIDE

PATCH = 7
STEP = 4


def occlusion(classifier: Classifier, frame: np.ndarray, label: int) -> np.ndarray:
    """Compute the occlusion map of a frame for a label (Zeiler and Fergus, 2014).

    frame: float32 (28, 28). Returns float32 (28, 28): the loss of log-probability when the place is covered, scaled to
    at most 1.0, and 0.0 where covering changes nothing or helps.
    """
    corners = range(-PATCH // 2, SIDE, STEP)
    covered = [frame]
    for top in corners:
        for left in corners:
            copy = frame.copy()
            copy[max(0, top) : top + PATCH, max(0, left) : left + PATCH] = 0
            covered.append(copy)
    likely = np.log(np.maximum(classifier.classify(np.stack(covered))[:, label], 1e-6))
    loss = np.maximum(likely[0] - likely[1:], 0).reshape(len(corners), len(corners))
    heat = cv2.resize(loss, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    return np.asarray(np.clip(heat / max(float(loss.max()), 1e-6), 0, 1), np.float32)


def heat_strip(classifier: Classifier, frames: np.ndarray, labels: list[int], most: int) -> bytes:
    """Encode frames side by side as one PNG: ink grey on black, orange where it decided the answer.

    frames: float32 (n, 28, 28), n >= 1. labels: n digits. Frames after the first `most` stay grey.
    """
    heats = [occlusion(classifier, *pair) for pair in zip(frames[:most], labels[:most], strict=True)]
    heats += [np.zeros((SIDE, SIDE), np.float32)] * (len(frames) - len(heats))
    tiles = [glow(frame, heat) for frame, heat in zip(frames, heats, strict=True)]
    done, encoded = cv2.imencode(".png", np.hstack(tiles))
    if not done:
        raise ValueError("the strip could not be encoded")
    return encoded.tobytes()


def glow(frame: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """Colour a frame's ink by its heat, from grey to orange. Returns uint8 (28, 28, 3), blue first."""
    cold, hot = np.array([150.0, 140.0, 130.0]), np.array([30.0, 140.0, 255.0])
    colour = cold + (hot - cold) * heat[..., None]
    return np.asarray(np.round(colour * frame[..., None]), np.uint8)
