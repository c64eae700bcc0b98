"""The most common calls. `digit_reader_client` has all calls, generated from the API's schema."""

import asyncio
import io
import json
import time
import uuid
from collections.abc import Iterable, Iterator
from os import PathLike
from pathlib import Path
from typing import Any, Self, TypeVar

from tqdm import tqdm

from digit_reader_client import AuthenticatedClient
from digit_reader_client.api.batches import batches_create, batches_results_retrieve, batches_retrieve
from digit_reader_client.api.predictions import (
    predictions_create,
    predictions_flag_create,
    predictions_preview_create,
)
from digit_reader_client.models import (
    Batch,
    BatchStateEnum,
    Correction,
    Error,
    FlagRequest,
    ManyRequest,
    PictureRequest,
    Prediction,
    Preview,
    Result,
)
from digit_reader_client.types import UNSET, File

from .errors import BatchFailed, Refused
from .retries import AsyncRetryTransport, Retries, RetryTransport

Picture = bytes | str | PathLike[str]
"""A picture, or the path of its file."""

Answer = TypeVar("Answer")
POLL_SECONDS = 1.0
RUNNING = (BatchStateEnum.QUEUED, BatchStateEnum.RUNNING)


class Reader:
    """Sends pictures to a digit reader. Close it, or use it in `with`.

    retries: how often a failed call is repeated; it is stored once. Each call raises Refused, or httpx.TransportError if
    the site cannot be reached.
    """

    def __init__(self, address: str, token: str, *, retries: int = 5) -> None:
        self.client = AuthenticatedClient(
            base_url=address, token=token, httpx_args={"transport": RetryTransport(Retries(retries))}
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        self.client.get_httpx_client().close()

    def read(self, picture: Picture) -> Prediction:
        """Read a picture and store it."""
        body = PictureRequest(image=_file(picture))
        return _value(predictions_create.sync(client=self.client, body=body, idempotency_key=_new_key()))

    def preview(self, picture: Picture) -> Preview:
        """Read a picture and store nothing."""
        return _value(predictions_preview_create.sync(client=self.client, body=PictureRequest(image=_file(picture))))

    def flag(self, prediction: int, text: str) -> Correction:
        """Correct a prediction; the same text confirms it."""
        return _value(predictions_flag_create.sync(client=self.client, id=prediction, body=FlagRequest(text=text)))

    def read_many(self, pictures: Iterable[Picture], *, progress: bool = True) -> list[Result]:
        """Read pictures as one batch; return the results in the same order. progress: show a bar on stderr.

        Also raises BatchFailed.
        """
        body = _many(pictures)
        batch = _value(batches_create.sync(client=self.client, body=body, idempotency_key=_new_key()))
        with _bar(batch, progress) as bar:
            while batch.state in RUNNING:
                time.sleep(POLL_SECONDS)
                batch = _value(batches_retrieve.sync(client=self.client, id=batch.id))
                _move(bar, batch)
        _check_done(batch)
        return list(_results(_value(batches_results_retrieve.sync(client=self.client, id=batch.id))))


class AsyncReader:
    """Like Reader, for `asyncio`. Use it in `async with`."""

    def __init__(self, address: str, token: str, *, retries: int = 5) -> None:
        self.client = AuthenticatedClient(
            base_url=address, token=token, httpx_args={"transport": AsyncRetryTransport(Retries(retries))}
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()

    async def close(self) -> None:
        await self.client.get_async_httpx_client().aclose()

    async def read(self, picture: Picture) -> Prediction:
        """Read a picture and store it."""
        body = PictureRequest(image=_file(picture))
        return _value(await predictions_create.asyncio(client=self.client, body=body, idempotency_key=_new_key()))

    async def preview(self, picture: Picture) -> Preview:
        """Read a picture and store nothing."""
        body = PictureRequest(image=_file(picture))
        return _value(await predictions_preview_create.asyncio(client=self.client, body=body))

    async def flag(self, prediction: int, text: str) -> Correction:
        """Correct a prediction; the same text confirms it."""
        body = FlagRequest(text=text)
        return _value(await predictions_flag_create.asyncio(client=self.client, id=prediction, body=body))

    async def read_many(self, pictures: Iterable[Picture], *, progress: bool = True) -> list[Result]:
        """Read pictures as one batch; return the results in the same order. progress: show a bar on stderr.

        Also raises BatchFailed.
        """
        body = _many(pictures)
        batch = _value(await batches_create.asyncio(client=self.client, body=body, idempotency_key=_new_key()))
        with _bar(batch, progress) as bar:
            while batch.state in RUNNING:
                await asyncio.sleep(POLL_SECONDS)
                batch = _value(await batches_retrieve.asyncio(client=self.client, id=batch.id))
                _move(bar, batch)
        _check_done(batch)
        return list(_results(_value(await batches_results_retrieve.asyncio(client=self.client, id=batch.id))))


def _new_key() -> str:
    return uuid.uuid4().hex


def _file(picture: Picture, name: str = "picture") -> File:
    if isinstance(picture, bytes):
        return File(io.BytesIO(picture), name)
    return File(io.BytesIO(Path(picture).read_bytes()), Path(picture).name)


def _many(pictures: Iterable[Picture]) -> ManyRequest:
    return ManyRequest(images=[_file(picture, f"picture {number}") for number, picture in enumerate(pictures, 1)])


def _value(answer: Answer | Error | None) -> Answer:
    """Return the answer. Raises Refused."""
    if isinstance(answer, Error):
        raise Refused(answer.code, answer.detail if answer.detail is not UNSET else str(answer.additional_properties))
    if answer is None:
        raise Refused("error", "The answer is not in the API's schema.")
    return answer


def _bar(batch: Batch, progress: bool) -> Any:
    return tqdm(total=batch.total, unit="picture", disable=not progress)


def _move(bar: Any, batch: Batch) -> None:
    bar.update(batch.read + batch.refused - bar.n)


def _check_done(batch: Batch) -> None:
    if batch.state != BatchStateEnum.DONE:
        raise BatchFailed(batch.error or batch.words)


def _results(lines: str) -> Iterator[Result]:
    return (Result.from_dict(json.loads(line)) for line in lines.splitlines())
