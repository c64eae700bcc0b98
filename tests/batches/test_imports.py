"""Labelled pictures, imported by staff as a batch."""

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from batches.models import Batch
from batches.worker import read_waiting
from core.models import AuditEntry
from recognizer.models import Correction, Prediction
from tests.factories import grant, user_client

from .conftest import BATCHES
from .zips import zip_of

pytestmark = pytest.mark.django_db(transaction=True)
Send = Callable[..., Any]


@pytest.fixture
def importer(staff: User) -> Client:
    return user_client(grant(staff, "review_corrections"))


@pytest.fixture
def bring(send: Send) -> Callable[..., Any]:
    """Send an import as the page does."""

    def post(client: Client, labels: Any, files: dict[str, bytes]) -> Any:
        content = zip_of(files if labels is None else files | {"labels.json": json.dumps(labels).encode()})
        sent = {"archive": SimpleUploadedFile("labelled.zip", content)}
        return client.post(BATCHES, sent, headers={"X-Sent-By": "import"})

    return post


def test_imported_labels_become_approved_corrections(
    importer: Client, staff: User, bring: Any, picture: bytes, blank: bytes
) -> None:
    labels = {"a.png": {"text": "42"}, "b.png": {"text": "4 7", "writer": "w1"}, "c.png": {"text": "1"}}
    answer = bring(importer, labels, {"a.png": picture, "b.png": picture, "c.png": b"no picture", "more.png": picture})
    assert answer.status_code == 202
    assert answer.json()["total"] == 3
    read_waiting(threading.Event())
    batch = Batch.objects.get()
    assert (batch.state, batch.read, batch.refused) == ("done", 2, 1)
    right, wrong = Correction.objects.order_by("prediction_id")
    assert (right.text, wrong.text, right.writer, wrong.writer) == ("42", "4\n7", "", "w1")
    for correction in (right, wrong):
        assert (correction.state, correction.imported, correction.reviewed_by) == ("approved", True, staff)
        assert (correction.prediction.owner, correction.prediction.source) == (staff, "import")
    assert AuditEntry.objects.get(event="imported").facts["pictures"] == 3


@pytest.mark.parametrize(
    "labels",
    [None, [], 7, {}, {"gone.png": {"text": "7"}}, {"a.png": "7"}, {"a.png": {"text": 7}}, {"a.png": {"text": "x"}},
     {"a.png": {"text": "7", "writer": "\0"}}, {"a.png": {"text": "7" * 501}}],
    ids=str,
)  # fmt: skip
def test_invalid_labels_are_refused(importer: Client, bring: Any, picture: bytes, labels: Any) -> None:
    answer = bring(importer, labels, {"a.png": picture})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert not Batch.objects.exists()


def test_an_import_meets_the_limits_of_archives(importer: Client, bring: Any, picture: bytes) -> None:
    answer = bring(importer, {"a.png": {"text": "7"}}, {"a.png": picture, "../b.png": picture})
    assert (answer.status_code, answer.json()["code"]) == (400, "unsafe_name")


def test_only_reviewers_can_import(bring: Any, staff: User, user: User, picture: bytes) -> None:
    for somebody in (staff, grant(user, "review_corrections")):
        assert bring(user_client(somebody), {"a.png": {"text": "7"}}, {"a.png": picture}).status_code == 403
        assert "Import labelled pictures" not in user_client(somebody).get("/batches/").content.decode()
    assert not Prediction.objects.exists()
