"""The clients call a real site, and their generated parts are up to date."""

import asyncio
import base64
import filecmp
import io
import json
import os
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from benchmarks.processes import ROOT
from tests.batches.zips import zip_of
from tests.sites import Site

CLIENTS = ROOT / "clients"


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let tests import the Python client as if it were installed."""
    monkeypatch.syspath_prepend(CLIENTS / "python")
    yield
    for name in [name for name in sys.modules if name.startswith("digit_reader")]:
        del sys.modules[name]


def finished(coroutine: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine in a thread of its own: Playwright's loop, of browser tests before, may still run in this one."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, coroutine).result()


def address_of(site: Site) -> str:
    return f"http://127.0.0.1:{site.port}"


@pytest.fixture
def client(site: Site) -> Iterator[Any]:
    from digit_reader_client import AuthenticatedClient

    with AuthenticatedClient(base_url=address_of(site), token=site.token) as client:
        yield client


def test_client_reads_stores_lists_corrects_and_deletes(client: Any, mnist_pictures: dict[int, bytes]) -> None:
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


def test_client_gets_the_reason_of_a_refusal(client: Any) -> None:
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


def test_schema_file_and_client_are_up_to_date(tmp_path: Path) -> None:
    command = ["make", "--silent", "--assume-old=.venv/.requirements-dev", "client"]
    command += [f"OPENAPI={tmp_path / 'openapi.yaml'}", f"CLIENT={tmp_path / 'python'}"]
    command += [f"OPERATIONS={tmp_path / 'operations.js'}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "openapi.yaml").read_text() == (ROOT / "docs" / "openapi.yaml").read_text(), "run make client"
    assert (tmp_path / "operations.js").read_text() == (CLIENTS / "js" / "operations.js").read_text(), "run make client"
    package = CLIENTS / "python" / "digit_reader_client"
    generated, kept = tree(tmp_path / "python"), tree(package)
    assert generated == kept, "run make client"
    _, different, missing = filecmp.cmpfiles(tmp_path / "python", package, kept, shallow=False)
    assert (different, missing) == ([], []), "run make client"


def tree(folder: Path) -> list[str]:
    """List the files of a folder, without what Python and tools leave in it."""
    files = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return sorted(str(file) for file in files if not {"__pycache__", ".ruff_cache"} & set(file.parts))


@pytest.fixture
def worker(site: Site) -> Iterator[None]:
    """A worker that reads batches."""
    process = site.start_worker("batches")
    yield
    site.stop_worker(process)


@pytest.mark.slow
def test_reader_reads_flags_and_batches(
    site: Site, worker: None, mnist_pictures: dict[int, bytes], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    from digit_reader import Reader, Refused

    (tmp_path / "4.png").write_bytes(mnist_pictures[4])
    with Reader(address_of(site), site.token) as reader:
        stored = reader.read(mnist_pictures[7])
        assert (stored.text, reader.preview(tmp_path / "4.png").text) == ("7", "4")
        assert reader.flag(stored.id, "1").text == "1"
        results = reader.read_many([mnist_pictures[7], tmp_path / "4.png", b"no picture"])
        assert [(result.text, result.reason) for result in results] == [
            ("7", None), ("4", None), ("", "unsupported_type"),
        ]  # fmt: skip
        assert results[1].file == "4.png"
        with pytest.raises(Refused, match="unsupported_type") as refused:
            reader.read(b"no picture")
        assert refused.value.code == "unsupported_type"
    assert "3/3" in capfd.readouterr().err


@pytest.mark.slow
def test_async_reader_works_like_the_sync_one(site: Site, worker: None, mnist_pictures: dict[int, bytes]) -> None:
    from digit_reader import AsyncReader

    async def use() -> None:
        async with AsyncReader(address_of(site), site.token) as reader:
            stored, other = await asyncio.gather(reader.read(mnist_pictures[7]), reader.preview(mnist_pictures[4]))
            assert (stored.text, other.text) == ("7", "4")
            assert (await reader.flag(stored.id, "1")).text == "1"
            [result] = await reader.read_many([mnist_pictures[4]], progress=False)
            assert result.text == "4"

    finished(use())


SCRIPT = """
import { DigitReader, Refused } from "%s";
const reader = new DigitReader(process.env.ADDRESS, process.env.TOKEN);
const image = new Blob([Buffer.from(process.env.IMAGE, "base64")], { type: "image/png" });
const { id, text } = await reader.read(image);
const preview = await reader.preview(image);
const correction = await reader.flag(id, "1");
const results = await reader.readMany([image, new Blob(["no picture"])]);
const code = await reader.read(new Blob(["no picture"])).catch((error) => error instanceof Refused && error.code);
const listed = await reader.call("predictions_list", { query: { digit: 7 } });
const read = results.map(({ text, reason }) => text || reason);
console.log(JSON.stringify([text, preview.text, correction.text, read, code, listed.results[0].id >= id]));
"""


@pytest.mark.slow
def test_js_client_reads_flags_and_batches(site: Site, worker: None, mnist_pictures: dict[int, bytes]) -> None:
    if shutil.which("node") is None:
        assert not os.environ.get("CI"), "node is absent, and CI must not skip it"
        pytest.skip("node is not on this machine")
    image = base64.b64encode(mnist_pictures[7]).decode()
    done = subprocess.run(
        ["node", "--input-type=module"],
        input=SCRIPT % (CLIENTS / "js" / "digit-reader.js").as_uri(),
        env=os.environ | {"ADDRESS": address_of(site), "TOKEN": site.token, "IMAGE": image},
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == ["7", "7", "1", ["7", "unsupported_type"], "unsupported_type", True]


class Moody(BaseHTTPRequestHandler):
    """Answers each call as the next of `server.moods` says: hangs up, is busy, or refuses."""

    def do_POST(self) -> None:
        self.server.keys.append(self.headers["Idempotency-Key"])  # type: ignore[attr-defined]
        self.rfile.read(int(self.headers["Content-Length"]))
        mood = self.server.moods.pop(0)  # type: ignore[attr-defined]
        if mood == "hang up":
            self.close_connection = True
            return
        self.send_response(503 if mood == "busy" else 401)
        if mood == "busy":
            self.send_header("Retry-After", "0")
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps({"detail": "No.", "code": "overloaded" if mood == "busy" else "refused"}).encode())

    def log_message(self, *args: Any) -> None:
        return None


@pytest.fixture
def moody() -> Iterator[Any]:
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), Moody)
    server.keys, server.moods = [], []
    server.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("moods", "retries", "code"),
    [
        (["hang up", "busy", "refuse"], 5, "refused"),
        (["busy", "busy", "refuse"], 1, "overloaded"),
        (["refuse", "refuse"], 5, "refused"),
    ],
)
def test_retried_calls_keep_one_idempotency_key(
    moody: Any, moods: list[str], retries: int, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from digit_reader import AsyncReader, Reader, Refused
    from digit_reader import retries as module

    monkeypatch.setattr(module, "FIRST_PAUSE", 0.0)
    moody.moods = [*moods]
    with Reader(moody.url, "token", retries=retries) as reader, pytest.raises(Refused) as refused:
        reader.read(b"a picture")
    tries = len(moody.keys)
    assert refused.value.code == code
    assert tries == min(retries + 1, moods.index("refuse") + 1)
    assert len(set(moody.keys)) == 1
    moody.moods = [*moods]

    async def use() -> None:
        async with AsyncReader(moody.url, "token", retries=retries) as reader:
            await reader.read(b"a picture")

    with pytest.raises(Refused):
        finished(use())
    assert len(moody.keys) == 2 * tries
    assert len(set(moody.keys)) == 2


def test_previews_that_may_have_arrived_are_not_repeated(moody: Any) -> None:
    from digit_reader import Reader

    moody.moods = ["hang up", "refuse"]
    with Reader(moody.url, "token") as reader, pytest.raises(httpx.TransportError):
        reader.preview(b"a picture")


def test_wheel_holds_both_packages_and_their_types(tmp_path: Path) -> None:
    shutil.copytree(CLIENTS / "python", tmp_path / "python")
    command = [ROOT / ".venv" / "bin" / "uv", "build", "--offline", "--wheel", "--out-dir", tmp_path / "dist"]
    done = subprocess.run([*command, tmp_path / "python"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    [wheel] = (tmp_path / "dist").glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    for package in ("digit_reader", "digit_reader_client"):
        assert {f"{package}/__init__.py", f"{package}/py.typed"} <= names
