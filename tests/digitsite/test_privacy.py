"""Other users of the machine can read only static files."""

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import MagicMock

import pytest
from celery.signals import celeryd_init
from django.conf import settings as site
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from digitsite import gunicorn

WRITES = """
import os
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
default_storage.save("a/b.png", ContentFile(b"x"))
open(os.environ["MEDIA_ROOT"] + "/log", "w").close()
"""


@pytest.fixture(autouse=True)
def careless() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def manage(folder: Path, *arguments: str) -> None:
    environment = os.environ | {
        "DATABASE_URL": f"sqlite:///{folder / 'db.sqlite3'}",
        "MEDIA_ROOT": str(folder / "media"),
        "CELERY_BROKER_URL": f"filesystem://{folder / 'broker'}",
        "CACHE_URL": f"filecache://{folder / 'limits'}",
        "SECRET_KEY": "of this test alone, and of nothing else",
    }
    subprocess.run([sys.executable, "manage.py", *arguments], cwd=site.BASE_DIR, env=environment, check=True)


def open_to_others(folder: Path) -> list[str]:
    found = [path for path in folder.rglob("*") if stat.S_IMODE(path.stat().st_mode) & 0o077]
    return [str(path.relative_to(folder)) for path in found]


def test_commands_write_private_files(tmp_path: Path) -> None:
    manage(tmp_path, "migrate", "--verbosity", "0")
    manage(tmp_path, "shell", "--no-imports", "-c", WRITES)
    assert (tmp_path / "db.sqlite3").exists()
    assert (tmp_path / "broker").exists()
    assert (tmp_path / "media" / "log").exists()
    assert open_to_others(tmp_path) == []


def test_readable_files_are_made_private_at_start(tmp_path: Path) -> None:
    manage(tmp_path, "migrate", "--verbosity", "0")
    (tmp_path / "media").mkdir(exist_ok=True)
    (tmp_path / "db.sqlite3-wal").touch()
    top = ["broker", "db.sqlite3", "db.sqlite3-wal", "limits", "media"]
    (tmp_path / "limits").mkdir()
    for name in top:
        path = tmp_path / name
        path.chmod(0o755 if path.is_dir() else 0o644)
    manage(tmp_path, "check")
    assert open_to_others(tmp_path) == []


@pytest.mark.parametrize(("command", "umask"), [("collectstatic", "0o22"), ("backup", "0o77")])
def test_only_static_files_are_public(command: str, umask: str) -> None:
    code = (
        "import os, sys, manage\n"
        f"sys.argv = ['manage.py', '{command}', '--help']\n"
        "try: manage.main()\n"
        "except SystemExit: print(oct(os.umask(0)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=site.BASE_DIR, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == umask


def test_web_and_workers_write_private_files() -> None:
    gunicorn.on_starting(MagicMock())
    assert os.umask(0o022) == 0o077
    celeryd_init.send(sender="a worker", instance=None, conf=None, options={})
    assert os.umask(0o022) == 0o077


def test_stored_pictures_are_private_with_any_umask(media: Path) -> None:
    default_storage.save("a/b.png", ContentFile(b"x"))
    assert open_to_others(media) == []
