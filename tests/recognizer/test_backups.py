"""A backup holds every row with its picture, and can be used."""

import shutil
import sqlite3
import stat
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from recognizer.models import Prediction
from recognizer.reading import open_image

Make = Callable[..., Prediction]

pytestmark = pytest.mark.django_db(transaction=True)


def unpacked(file: Path, folder: Path) -> Path:
    with tarfile.open(file) as tar:
        tar.extractall(folder, filter="data")
    return folder


@pytest.mark.skipif(connection.vendor != "sqlite", reason="SQLite alone keeps its database in a file")
@pytest.mark.usefixtures("image_files")
def test_sqlite_backup_has_the_database_and_the_pictures(media: Path, make_prediction: Make, tmp_path: Path) -> None:
    made = [make_prediction(text) for text in ("7", "42")]
    call_command("backup", tmp_path / "backup.tar")
    folder = unpacked(tmp_path / "backup.tar", tmp_path / "unpacked")
    with sqlite3.connect(folder / "db.sqlite3") as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        rows = database.execute("SELECT text, image FROM recognizer_prediction ORDER BY id").fetchall()
    database.close()
    assert [text for text, _ in rows] == ["7", "42"]
    assert [image for _, image in rows] == [prediction.image.name for prediction in made]
    assert all(open_image((folder / "media" / image).read_bytes()).shape == (60, 120) for _, image in rows)


@pytest.mark.skipif(connection.vendor != "postgresql", reason="no PostgreSQL")
@pytest.mark.usefixtures("image_files")
def test_postgresql_backup_has_a_dump_and_the_pictures(media: Path, make_prediction: Make, tmp_path: Path) -> None:
    if shutil.which("pg_dump") is None:
        pytest.skip("pg_dump is not on this machine")
    image = make_prediction().image.name
    call_command("backup", tmp_path / "backup.tar")
    folder = unpacked(tmp_path / "backup.tar", tmp_path / "unpacked")
    assert (folder / "database.dump").read_bytes().startswith(b"PGDMP")
    assert (folder / "media" / image).is_file()


def test_backup_file_is_private(media: Path, tmp_path: Path) -> None:
    call_command("backup", tmp_path / "backup.tar")
    assert stat.S_IMODE((tmp_path / "backup.tar").stat().st_mode) == 0o600


@pytest.mark.usefixtures("image_files")
def test_backup_contains_the_key_and_unpacks_as_private(
    media: Path, make_prediction: Make, tmp_path: Path, settings: Any
) -> None:
    settings.SECRET_KEY_FILE = tmp_path / ".secret_key"
    settings.SECRET_KEY_FILE.write_text("a key")
    (media / make_prediction().image.name).chmod(0o644)
    call_command("backup", tmp_path / "backup.tar")
    folder = unpacked(tmp_path / "backup.tar", tmp_path / "unpacked")
    assert (folder / ".secret_key").read_text() == "a key"
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}


def test_secret_key_from_the_environment_is_not_backed_up(media: Path, tmp_path: Path, settings: Any) -> None:
    settings.SECRET_KEY_FILE = None
    call_command("backup", tmp_path / "backup.tar")
    with tarfile.open(tmp_path / "backup.tar") as tar:
        assert ".secret_key" not in tar.getnames()


def test_failed_backup_leaves_no_file(media: Path, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="Nothing was backed up"):
        call_command("backup", tmp_path / "nowhere" / "backup.tar")
    (tmp_path / "folder").mkdir()
    with pytest.raises(CommandError, match="Nothing was backed up"):
        call_command("backup", tmp_path / "folder")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "media"]


def test_backup_without_pg_dump_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "vendor", "postgresql")
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(CommandError, match="pg_dump is needed"):
        call_command("backup", tmp_path / "backup.tar")
