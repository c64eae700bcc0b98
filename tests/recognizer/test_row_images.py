"""Small images are in their predictions' rows, larger ones are files; both are used alike."""

import io
import json
import os
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import DatabaseError, connection
from django.test.utils import CaptureQueriesContext

from recognizer.exports import images_zip
from recognizer.identity import Identity
from recognizer.models import MAX_ROW_IMAGE, Prediction, Sample, Usage, image_file
from recognizer.predictions import rows_without_image, store_prediction
from recognizer.reading import encode_page, open_image
from tests.factories import encoded, image_of, post_json, run, user_client
from tests.fakes import FakeReader
from training.retraining.snapshots import candidates, lesson_of

Make = Callable[..., Prediction]

API = "/api/v1/predictions/"
PAGE = np.arange(120 * 60, dtype=np.uint8).reshape(60, 120) // 16 * 16

pytestmark = pytest.mark.django_db


def noise(levels: int, side: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, levels, (side, side)).astype(np.uint8)


def large_png() -> bytes:
    """A picture whose PNG is larger than a row may hold."""
    return encoded(noise(64, 300), "BMP")


LARGE = {
    "png": large_png,
    "webp": lambda: encoded(noise(256, 400), "WEBP", quality=1),
    "jpg": lambda: encoded(noise(255, 1500)),
}


def files_in(media: Path) -> list[Path]:
    return [path for path in (media / "predictions").rglob("*") if path.is_file()]


@pytest.fixture(params=["row", "file"])
def stored(request: pytest.FixtureRequest, media: Path, user: User, make_prediction: Make) -> Prediction:
    """A prediction whose image is in its row, and one of an older release, whose image is a file."""
    prediction, content = make_prediction(owner=user), encode_page(PAGE)[0]
    if request.param == "row":
        Prediction.objects.filter(pk=prediction.pk).update(image_content=content)
    else:
        prediction.image_content = None
        prediction.image.save("page.png", ContentFile(content))
    return Prediction.objects.get(pk=prediction.pk)


def test_small_png_is_stored_in_the_row_without_a_file(
    reader: FakeReader, picture: bytes, media: Path, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(default_storage, "save_all", save_all := Mock())
    monkeypatch.setattr(os, "fsync", fsync := Mock())
    made = store_prediction(picture, identity=Identity(user=user), source="draw")
    kept = Prediction.objects.get(pk=made.pk)
    assert (kept.image.name, kept.image_extension) == ("", "png")
    assert (open_image(image_of(kept)) == open_image(picture)).all()
    assert kept.image_bytes == len(kept.image_content) == Usage.objects.get(owner=user).image_bytes
    assert files_in(media) == []
    assert (save_all.called, fsync.called) == (False, False), "the database alone flushes"


@pytest.mark.parametrize("kind", LARGE)
def test_large_png_webp_or_jpeg_is_stored_as_a_file(reader: FakeReader, media: Path, user: User, kind: str) -> None:
    made = store_prediction(LARGE[kind](), identity=Identity(user=user), source="upload")
    kept = Prediction.objects.get(pk=made.pk)
    assert (kept.image_content, kept.image_extension) == (None, kind)
    assert files_in(media) == [media / kept.image.name]
    assert kept.image_bytes == kept.image.size == Usage.objects.get(owner=user).image_bytes
    assert kind != "png" or kept.image_bytes > MAX_ROW_IMAGE


def test_files_of_images_are_spread_over_folders() -> None:
    counts = Counter(image_file(Prediction(), "page.png").rpartition("/")[0] for _ in range(20_000))
    assert len(counts) > 100
    assert max(counts.values()) < 2_000


@pytest.mark.parametrize(("size", "in_row"), [(MAX_ROW_IMAGE, True), (MAX_ROW_IMAGE + 1, False)])
def test_largest_png_in_a_row_has_the_limit(size: int, in_row: bool) -> None:
    prediction = Prediction()
    prediction.take_image(bytes(size), "png")
    assert (prediction.image_content is not None, bool(prediction.image)) == (in_row, not in_row)


def test_failed_insert_leaves_neither_image_nor_row(
    reader: FakeReader, picture: bytes, media: Path, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Prediction, "insert", Mock(side_effect=DatabaseError))
    for content in (picture, large_png()):
        with pytest.raises(DatabaseError):
            store_prediction(content, identity=Identity(user=user), source="draw")
    assert (files_in(media), Prediction.objects.count(), Usage.objects.count()) == ([], 0, 0)


def test_image_in_row_or_file_is_served(stored: Prediction, user: User) -> None:
    client = user_client(user)
    whole, small = client.get(f"{API}{stored.pk}/image/"), client.get(f"{API}{stored.pk}/image/?size=thumb")
    assert (whole["Content-Type"], small["Content-Type"]) == ("image/png", "image/png")
    assert (open_image(whole.content) == PAGE).all()
    assert (open_image(small.content) == PAGE).all(), "it is no larger than a thumbnail"


def test_image_in_row_or_file_is_served_to_reviewers(stored: Prediction, superuser: User) -> None:
    correction = stored.flag("7")
    assert (open_image(user_client(superuser).get(f"/review/{correction.pk}/image/").content) == PAGE).all()


def test_image_in_row_or_file_is_explained(stored: Prediction, user: User, reader: FakeReader) -> None:
    User.objects.update(is_staff=True)
    for drawn in ("mask", "explanation"):
        assert user_client(user).get(f"/predictions/{stored.pk}/{drawn}/").status_code == 200


def test_image_in_row_or_file_is_cropped(stored: Prediction, user: User, reader: FakeReader) -> None:
    answer = post_json(user_client(user), f"{API}{stored.pk}/crop/", {"box": [5, 10, 40, 20]})
    part = Prediction.objects.get(pk=answer.json()["id"])
    assert (open_image(image_of(part)) == PAGE[10:30, 5:45]).all()


def test_image_in_row_or_file_is_exported(stored: Prediction, user: User) -> None:
    answer = user_client(user).get("/history/export/")
    with zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content))) as archive:  # type: ignore[attr-defined]
        assert (open_image(archive.read(f"{stored.pk}.png")) == PAGE).all()
        assert set(json.loads(archive.read("labels.json"))) == {f"{stored.pk}.png"}


def test_image_in_row_or_file_is_exported_with_its_correction(
    stored: Prediction, superuser: User, tmp_path: Path
) -> None:
    stored.flag("7").approve(superuser)
    run("export_corrections", tmp_path / "out")
    assert (open_image((tmp_path / "out" / f"{stored.pk:08}.png").read_bytes()) == PAGE).all()


def test_image_in_row_or_file_is_in_a_snapshot(
    stored: Prediction, superuser: User, django_assert_num_queries: Any
) -> None:
    stored.flag("7").approve(superuser)
    (candidate,) = candidates()
    with django_assert_num_queries(0 if stored.image else 1):
        lesson = lesson_of(candidate, held_out=True)
    assert lesson.page is not None
    assert (open_image(lesson.page) == PAGE).all()


def test_image_in_row_or_file_is_read_before_promotion(stored: Prediction, reader: FakeReader) -> None:
    # It imports Keras, which takes seconds.
    from training.retraining.pipeline import shadow

    other = FakeReader(reader.version, text="7")
    found = shadow(reader, other, 9)  # type: ignore[arg-type]
    assert found == {"read": 1, "differ": [{"prediction": stored.pk, "before": "42", "after": "7"}]}


@pytest.mark.django_db(transaction=True)
def test_image_in_row_or_file_is_deleted_and_counted_out(stored: Prediction, media: Path, user: User) -> None:
    Usage.objects.count_in((user.pk, None), [stored.image_bytes or 0])
    user_client(user).delete(f"{API}{stored.pk}/")
    assert (files_in(media), Prediction.objects.count()) == ([], 0)
    assert (Usage.objects.get().predictions, Usage.objects.get().image_bytes) == (0, 0)


def test_row_without_image_and_file_is_found_and_is_404(make_prediction: Make, user: User) -> None:
    whole, lost = make_prediction(owner=user), make_prediction(owner=user)
    Prediction.objects.filter(pk=lost.pk).update(image_content=None)
    assert list(rows_without_image()) == [lost]
    statuses = [user_client(user).get(f"{API}{row.pk}/image/").status_code for row in (whole, lost)]
    assert statuses == [200, 404]


def test_image_of_a_row_deleted_meanwhile_is_missing(make_prediction: Make) -> None:
    made = make_prediction()
    listed = Prediction.objects.without_images().get(pk=made.pk)
    made.delete()
    with pytest.raises(FileNotFoundError):
        listed.open_image()


def test_small_imports_are_in_rows_and_large_ones_files(
    tmp_path: Path, media: Path, reader: FakeReader, picture: bytes
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.png").write_bytes(picture)
    (folder / "b.bmp").write_bytes(large_png())
    (folder / "labels.json").write_text(json.dumps({"a.png": {"text": "42"}, "b.bmp": {"text": "42"}}))
    run("import_corrections", folder)
    small, large = Prediction.objects.order_by("image_bytes")
    assert [bool(row.image) for row in (small, large)] == [False, True]
    assert files_in(media) == [media / large.image.name]
    assert Usage.objects.get().image_bytes == small.image_bytes + large.image_bytes  # type: ignore[operator]


LISTS = [
    "/history/",
    "/predictions/{}/",
    API,
    f"{API}{{}}/",
    "/admin/recognizer/prediction/",
    "/admin/recognizer/prediction/{}/change/",
    "/admin/recognizer/correction/",
    "/review/",
    "/review/unsure/",
    "/review/sample/",
    "/dashboard/",
]


@pytest.mark.parametrize("path", LISTS)
def test_pages_do_not_load_the_images_of_their_rows(path: str, make_prediction: Make, superuser: User) -> None:
    first, _ = make_prediction(owner=superuser), make_prediction(owner=superuser)
    first.flag("7")
    Sample.objects.create(prediction=first, model_version=first.model_version)
    client = user_client(superuser)
    with CaptureQueriesContext(connection) as asked:
        assert client.get(path.format(first.pk)).status_code == 200
    assert not [query["sql"] for query in asked if "image_content" in query["sql"]]


@pytest.mark.parametrize("in_file", [False, True])
def test_archive_loads_images_with_their_rows(
    in_file: bool,
    make_prediction: Make,
    request: pytest.FixtureRequest,
    django_assert_num_queries: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("recognizer.exports.CHUNK", 2)
    if in_file:
        request.getfixturevalue("image_files")
    made = [make_prediction() for _ in range(5)]
    chosen = Prediction.objects.select_related("owner").with_version().with_correction()
    with django_assert_num_queries(4):  # the rows, and the corrections of each chunk
        images_zip(chosen, file := io.BytesIO())
    with zipfile.ZipFile(file) as archive:
        assert set(archive.namelist()) == {"labels.json", *(f"{row.pk}.png" for row in made)}


def test_deleting_does_not_load_images(make_prediction: Make, user: User) -> None:
    for _ in range(2):
        make_prediction(owner=user)
    with CaptureQueriesContext(connection) as asked:
        Prediction.objects.filter(owner=user).delete()
    assert not [query["sql"] for query in asked if "image_content" in query["sql"]]
