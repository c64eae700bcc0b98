"""The move from one machine to several, by the steps of docs/operations.md."""

import json
import signal
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.db import connection

from benchmarks.batches import POSTGRES, a_database
from tests.factories import enlarged
from tests.servers import postgres_or_skip, s3_client, s3_store
from tests.sites import Site

DUMP = "dumpdata --natural-foreign --natural-primary -e contenttypes -e auth.permission -e sessions -o"
STEPS = (DUMP, "manage.py migrate", "manage.py flush --no-input", "manage.py loaddata")


def copy(folder: Path, bucket: str) -> None:
    """Copy a folder into a bucket, as the store's own tool would."""
    with s3_client(f"http://127.0.0.1:{urlsplit(bucket).port}", "key", "secret") as client:
        for path in folder.rglob("*"):
            if path.is_file():
                client.upload_file(str(path), "digits", str(path.relative_to(folder)))


def test_the_steps_are_those_that_are_documented() -> None:
    documented = (settings.BASE_DIR / "docs" / "operations.md").read_text()
    assert [step for step in STEPS if step not in documented] == []


@pytest.mark.skipif(connection.vendor != "sqlite", reason="it moves away from SQLite")
def test_whole_site_moves_to_postgresql_and_a_bucket(
    new_site: Site, tmp_path: Path, mnist_pictures: dict[int, bytes]
) -> None:
    postgres_or_skip(POSTGRES)
    old = new_site
    with a_database() as database, s3_store() as bucket:
        old.start()
        # Two images are in the database, and one in a file.
        sent = [mnist_pictures[3], enlarged(mnist_pictures[3]), mnist_pictures[3]]
        kept = [old.post(picture).json() for picture in sent]
        flagged = f"/api/v1/predictions/{kept[0]['id']}/flag/"
        token = {"Authorization": f"Token {old.token}"}
        body = json.dumps({"text": "7"}).encode()
        assert old.call("POST", flagged, body, token | {"Content-Type": "application/json"}).status == 201
        old.stop(signal.SIGTERM)

        new = Site(tmp_path, database, {"STORAGE_URL": bucket}, old.tokens)
        old.manage(*DUMP.split(), str(tmp_path / "rows.json"))
        for command in (["migrate"], ["flush", "--no-input"], ["loaddata", str(tmp_path / "rows.json")]):
            new.manage(*command)
        copy(tmp_path / "media", bucket)
        (tmp_path / "media").rename(tmp_path / "away")
        try:
            new.start()
            listed = new.call("GET", "/api/v1/predictions/", headers=token).json()["results"]
            assert [row["id"] for row in listed] == [row["id"] for row in reversed(kept)]
            assert listed[-1]["correction"]["text"] == "7"
            for row in kept:
                assert new.call("GET", f"/api/v1/predictions/{row['id']}/image/", headers=token).status == 200
            assert new.post(sent[0]).json()["id"] > kept[-1]["id"]
        finally:
            new.stop(signal.SIGKILL)
