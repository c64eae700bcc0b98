"""A typical demo to compare with: a Flask app that scales the picture to 28 x 28 and calls `model.predict`.

It runs the same network and stores nothing.
"""

import threading
from pathlib import Path
from typing import Any

import keras
import numpy as np
from flask import Flask, request
from PIL import Image, ImageOps

app = Flask(__name__)
model = keras.models.load_model(Path(__file__).parents[1] / "training" / "shipped" / "digits.keras", compile=False)
# Demos have no lock and crash sometimes: `predict` is not thread-safe.
one_at_a_time = threading.Lock()


@app.get("/")
def index() -> str:
    return "ready"


@app.post("/predict")
def predict() -> dict[str, Any]:
    picture = ImageOps.invert(Image.open(request.files["image"].stream).convert("L")).resize((28, 28))
    frame = np.asarray(picture, np.float32)[None, ..., None] / 255
    with one_at_a_time:
        probabilities = model.predict(frame, verbose=0)[0, :10]
    return {"digit": int(probabilities.argmax()), "probabilities": probabilities.tolist()}
