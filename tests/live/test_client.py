"""The client that is generated from the schema: it calls a real site, and is the one that would be generated now."""

import filecmp
import io
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.batches.zips import zip_of

from .conftest import ROOT, Site


@pytest.fixture
def client(site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.syspath_prepend(ROOT / "clients" / "python")
    from digit_reader_client import AuthenticatedClient

    address = f"http://127.0.0.1:{site.port}"
    with AuthenticatedClient(base_url=address, token=site.token, prefix="Token") as client:
        yield client
    for name in [name for name in sys.modules if name.startswith("digit_reader_client")]:
        del sys.modules[name]


def test_the_client_reads_keeps_finds_flags_and_deletes(client: Any, mnist_pictures: dict[int, bytes]) -> None:
    from digit_reader_client.api.models import models_list
    from digit_reader_client.api.predictions import (
        predictions_create,
        predictions_destroy,
        predictions_flag_create,
        predictions_image_retrieve,
        predictions_list,
        predictions_preview_create,
        predictions_retrieve,
    )
    from digit_reader_client.models import FlagRequest, PictureRequest, Prediction, PredictionsListDigit
    from digit_reader_client.types import File

    def picture(**facts: Any) -> Any:
        return PictureRequest(image=File(payload=io.BytesIO(mnist_pictures[7]), file_name="7.png"), **facts)

    (version,) = models_list.sync(client=client)
    stored = predictions_create.sync(client=client, body=picture(model_version=version.name), idempotency_key="a")
    assert isinstance(stored, Prediction)
    assert (stored.text, stored.digits[0].label, stored.model_version) == ("7", 7, version.name)
    assert (
        predictions_create.sync(client=client, body=picture(model_version=version.name), idempotency_key="a") == stored
    )
    assert predictions_preview_create.sync(client=client, body=picture()).text == "7"
    assert [row.id for row in predictions_list.sync(client=client, digit=PredictionsListDigit.VALUE_7).results] == [
        stored.id
    ]
    predictions_flag_create.sync(client=client, id=stored.id, body=FlagRequest(text="1"))
    assert predictions_retrieve.sync(client=client, id=stored.id).correction.text == "1"
    image = predictions_image_retrieve.sync(client=client, id=stored.id)
    assert image.payload.read().startswith(b"\x89PNG")
    assert predictions_destroy.sync_detailed(client=client, id=stored.id).status_code == 204
    assert predictions_retrieve.sync_detailed(client=client, id=stored.id).status_code == 404


def test_the_client_is_told_why_a_picture_is_refused(client: Any) -> None:
    from digit_reader_client.api.predictions import predictions_create
    from digit_reader_client.models import Error, PictureRequest
    from digit_reader_client.types import File

    refused = predictions_create.sync(
        client=client, body=PictureRequest(image=File(payload=io.BytesIO(b"no picture"), file_name="a.png"))
    )
    assert isinstance(refused, Error)
    assert refused.code == "unsupported_type"


def test_the_client_sends_and_cancels_a_batch(client: Any, mnist_pictures: dict[int, bytes]) -> None:
    from digit_reader_client.api.batches import batches_cancel_create, batches_create, batches_results_retrieve
    from digit_reader_client.models import Batch, BatchStateEnum, ManyRequest
    from digit_reader_client.types import File

    archive = File(payload=io.BytesIO(zip_of({"7.png": mnist_pictures[7]})), file_name="many.zip")
    batch = batches_create.sync(client=client, body=ManyRequest(archive=archive))
    assert isinstance(batch, Batch)
    assert (batch.total, batch.state) == (1, BatchStateEnum.QUEUED)
    assert batches_results_retrieve.sync(client=client, id=batch.id) == ""
    assert batches_cancel_create.sync(client=client, id=batch.id).state == BatchStateEnum.CANCELLED


def test_schema_and_client_are_those_that_would_be_generated_now(tmp_path: Path) -> None:
    command = ["make", "--silent", "--assume-old=.venv/.requirements-dev", "client"]
    command += [f"OPENAPI={tmp_path / 'openapi.yaml'}", f"CLIENT={tmp_path / 'python'}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "openapi.yaml").read_text() == (ROOT / "docs" / "openapi.yaml").read_text(), "run make client"
    generated, kept = tree(tmp_path / "python"), tree(ROOT / "clients" / "python")
    assert generated == kept, "run make client"
    _, different, missing = filecmp.cmpfiles(tmp_path / "python", ROOT / "clients" / "python", kept, shallow=False)
    assert (different, missing) == ([], []), "run make client"


def tree(folder: Path) -> list[str]:
    """List the files of a folder, without what Python and tools leave in it."""
    files = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return sorted(str(file) for file in files if not {"__pycache__", ".ruff_cache"} & set(file.parts))
