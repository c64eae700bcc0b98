"""A fast demo to compare with: FastAPI and ONNX Runtime, the picture scaled to 28 x 28 as in the Flask app.

It runs the same network, from the ONNX file that NETWORK names, and stores nothing.
"""

import os
from typing import Annotated, Any

import numpy as np
import onnxruntime
from fastapi import FastAPI, File, UploadFile
from PIL import Image, ImageOps

app = FastAPI()
session = onnxruntime.InferenceSession(os.environ["NETWORK"])


@app.get("/")
def index() -> str:
    return "ready"


@app.post("/predict")
def predict(image: Annotated[UploadFile, File()]) -> dict[str, Any]:
    picture = ImageOps.invert(Image.open(image.file).convert("L")).resize((28, 28))
    frame = np.asarray(picture, np.float32)[None, ..., None] / 255
    probabilities = session.run(None, {session.get_inputs()[0].name: frame})[0][0, :10]
    return {"digit": int(probabilities.argmax()), "probabilities": probabilities.tolist()}
