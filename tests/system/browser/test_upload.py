"""Uploads: chosen, dropped, pasted and photographed pictures."""

import base64
import io
import re
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from PIL import Image
from playwright.sync_api import Page, Route, expect

from batches import tasks
from batches.models import Batch
from recognizer.models import Prediction, Source
from recognizer.reading import MAX_BYTES
from tests.batches.zips import zip_of

from .conftest import Complaints, OpenPage, log_in
from .hand import choose_part
from .pictures import photograph


def outcome(page: Page, name: str) -> str:
    row = page.locator(".upload").filter(has_text=name)
    expect(row).to_be_visible()
    expect(row.locator("progress")).to_have_count(0)
    return row.locator(".outcome").inner_text()


@pytest.mark.essential
def test_chosen_photo_is_read_and_stored(page: Page) -> None:
    page.goto("/upload/")
    with page.expect_file_chooser() as chooser:
        page.get_by_text("Choose pictures").click()
    chooser.value.set_files({"name": "IMG_1.jpg", "mimeType": "image/jpeg", "buffer": photograph("2026", seed=1)})
    assert outcome(page, "IMG_1.jpg").startswith("2026")
    page.get_by_role("link", name="View the reading 2026").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Read as 2026")
    kept = Prediction.objects.get()
    assert (kept.text, kept.source) == ("2026", Source.UPLOAD)


@pytest.mark.essential
def test_several_uploads_are_each_read_or_refused(
    page: Page, mnist_pictures: dict[int, bytes], blank: bytes, complaints: Complaints, tmp_path: Path
) -> None:
    complaints.expect("status of 400")
    page.goto("/upload/")
    contents = {f"digit-{digit}.png": mnist_pictures[digit] for digit in (7, 2, 0)}
    contents |= {"notes.txt": b"no picture", "empty.png": b"", "blank.png": blank, "huge.png": bytes(MAX_BYTES + 1)}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    page.locator("#choose").set_input_files([tmp_path / name for name in contents])
    assert [outcome(page, f"digit-{digit}.png")[0] for digit in (7, 2, 0)] == ["7", "2", "0"]
    told = {name: outcome(page, name) for name in ("notes.txt", "empty.png", "blank.png", "huge.png")}
    assert "not a PNG, JPEG, WebP" in told["notes.txt"]
    assert "empty" in told["empty.png"]
    assert "no writing" in told["blank.png"]
    assert "larger than 10 MB" in told["huge.png"]
    expect(page.get_by_role("button", name=re.compile("again$"))).to_have_count(0)
    assert Prediction.objects.count() == 3


def test_simultaneous_first_uploads_belong_to_one_visitor(
    page: Page, mnist_pictures: dict[int, bytes], tmp_path: Path
) -> None:
    for digit, content in mnist_pictures.items():
        (tmp_path / f"digit-{digit}.png").write_bytes(content)
    page.goto("/upload/")
    page.locator("#choose").set_input_files(sorted(tmp_path.glob("digit-*.png")))
    for digit in mnist_pictures:
        outcome(page, f"digit-{digit}.png")
    assert len(set(Prediction.objects.values_list("visitor", flat=True))) == 1
    page.goto("/history/")
    expect(page.locator(".card")).to_have_count(len(mnist_pictures))


def test_an_upload_that_fails_is_sent_again(
    page: Page, mnist_pictures: dict[int, bytes], complaints: Complaints
) -> None:
    complaints.expect("ERR_INTERNET_DISCONNECTED")
    page.goto("/upload/")
    page.context.set_offline(True)
    page.locator("#choose").set_input_files({"name": "4.png", "mimeType": "image/png", "buffer": mnist_pictures[4]})
    assert "You are offline" in outcome(page, "4.png")
    expect(page.get_by_role("button", name="Send 4.png again")).to_be_visible()
    page.context.set_offline(False)  # Nobody has to press it.
    expect(page.get_by_role("link", name="View the reading 4")).to_be_visible()
    assert Prediction.objects.count() == 1


def test_upload_waits_for_a_busy_site(page: Page, mnist_pictures: dict[int, bytes], complaints: Complaints) -> None:
    complaints.expect("status of 503|503 from")
    busy = {"detail": "The site is reading too many pictures. Try again in a moment.", "code": "too_busy"}
    page.clock.install()
    page.goto("/upload/")
    page.route(
        "**/predictions/", lambda route: route.fulfill(status=503, json=busy, headers={"Retry-After": "7"}), times=1
    )
    page.locator("#choose").set_input_files({"name": "4.png", "mimeType": "image/png", "buffer": mnist_pictures[4]})
    expect(page.locator(".upload .phase")).to_have_text("The site is busy. Waiting…")
    page.clock.run_for(6_000)
    expect(page.locator(".upload .phase")).to_have_text("The site is busy. Waiting…")
    page.clock.run_for(2_000)
    assert outcome(page, "4.png").startswith("4")


def test_picture_can_be_dropped_anywhere(page: Page, mnist_pictures: dict[int, bytes], tmp_path: Path) -> None:
    file = tmp_path / "dropped.png"
    file.write_bytes(mnist_pictures[4])
    page.goto("/upload/")
    hand = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(file)], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver"):
        hand.send("Input.dispatchDragEvent", {"type": kind, "x": 600, "y": 700, "data": data})
    expect(page.get_by_text("Drop to read")).to_be_visible()
    hand.send("Input.dispatchDragEvent", {"type": "drop", "x": 600, "y": 700, "data": data})
    assert outcome(page, "dropped.png").startswith("4")
    expect(page.get_by_text("Drop to read")).to_be_hidden()


COPY = """async (picture) => {
  const bytes = Uint8Array.from(atob(picture), (byte) => byte.charCodeAt(0));
  await navigator.clipboard.write([new ClipboardItem({ "image/png": new Blob([bytes], { type: "image/png" }) })]);
}"""


def test_picture_can_be_pasted(page: Page, mnist_pictures: dict[int, bytes]) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto("/upload/")
    page.evaluate(COPY, base64.b64encode(mnist_pictures[6]).decode())
    page.keyboard.press("Control+v")
    assert outcome(page, "image.png").startswith("6")


def test_text_on_the_clipboard_is_not_a_picture(page: Page) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto("/upload/")
    page.evaluate("navigator.clipboard.writeText('words')")
    page.keyboard.press("Control+v")
    expect(page.get_by_text("The clipboard has no picture.")).to_be_attached()


PHONE = {"viewport": {"width": 390, "height": 664}, "has_touch": True, "is_mobile": True}


def test_progress_of_many_photos_stays_in_view_on_a_phone(
    open_page: OpenPage, mnist_pictures: dict[int, bytes], blank: bytes, complaints: Complaints, tmp_path: Path
) -> None:
    complaints.expect("status of 400")
    names = [f"IMG_{number}.png" for number in range(1, 13)]
    for number, name in enumerate(names):
        (tmp_path / name).write_bytes(blank if number == 11 else mnist_pictures[number % 10])
    page = open_page(**PHONE)
    page.goto("/upload/")
    held: list[Route] = []
    page.route("**/predictions/", lambda route: held.append(route), times=2)
    page.locator("#choose").set_input_files([tmp_path / name for name in names])
    # The first are read first, and both they and how many are left are seen without scrolling.
    expect(page.locator(".upload .name").first).to_have_text("IMG_1.png")
    expect(page.locator(".upload").first).to_be_in_viewport(ratio=1)
    expect(page.locator(".sum")).to_be_in_viewport(ratio=1)
    expect(page.locator(".sum-words")).to_have_text("0 of 12")
    for route in held:
        route.continue_()
    expect(page.locator(".sum-words")).to_have_text(re.compile(r"^11 read( · \d of them unsure)? · 1 not read$"))
    expect(page.locator(".upload .name")).to_have_text(names)
    page.locator(".upload").last.scroll_into_view_if_needed()
    expect(page.locator(".sum-words")).to_be_in_viewport()
    page.locator("#choose").set_input_files(tmp_path / names[0])
    expect(page.locator(".upload .name").first).to_have_text(names[0])
    expect(page.locator(".upload")).to_have_count(13)


UNSURE = {"id": 1, "text": "7", "confidence": 0.3, "sure": False, "digits": [], "ignored": []}


def test_summary_links_to_the_unsure_readings(page: Page, mnist_pictures: dict[int, bytes]) -> None:
    page.goto("/upload/")
    page.route("**/predictions/", lambda route: route.fulfill(status=201, json=UNSURE), times=1)
    for digit in (3, 4):
        picture = {"name": f"{digit}.png", "mimeType": "image/png", "buffer": mnist_pictures[digit]}
        page.locator("#choose").set_input_files(picture)
        outcome(page, f"{digit}.png")
    expect(page.locator(".sum-words")).to_have_text("2 read · 1 of them unsure")
    page.get_by_role("link", name="1 of them unsure").click()
    expect(page.get_by_label("Sureness")).to_have_value("false")


def test_refused_picture_can_be_cropped_and_read(page: Page, complaints: Complaints) -> None:
    complaints.expect("status of 400")
    with Image.open(io.BytesIO(photograph("60", seed=2))) as upright:
        desk = Image.new("L", (upright.width * 2, upright.height), 30)
        desk.paste(upright.convert("L"), (upright.width, 0))
        out = io.BytesIO()
        desk.save(out, "PNG")
    refused = {"detail": "The writing does not look like a number.", "code": "not_a_number"}
    page.goto("/upload/")
    page.route("**/predictions/", lambda route: route.fulfill(status=400, json=refused), times=1)
    page.locator("#choose").set_input_files({"name": "a.png", "mimeType": "image/png", "buffer": out.getvalue()})
    page.get_by_role("button", name="Crop or turn a.png").click()
    choose_part(page, 0.51, 0.02, 1, 0.98)
    page.get_by_role("button", name="Read it").click()
    expect(page.get_by_role("link", name="View the reading 60")).to_be_visible()
    expect(page.get_by_role("button", name="Crop or turn a.png")).to_be_hidden()
    assert Prediction.objects.get().text == "60"


def large_photograph(text: str) -> bytes:
    """A photograph of 18 megapixels, held on its side, as a phone would keep it."""
    with Image.open(io.BytesIO(photograph(text, seed=1))) as small:
        large = small.resize((6000, 6000 * small.height // small.width)).transpose(Image.Transpose.ROTATE_90)
    exif = large.getexif()
    exif[0x0112] = 6
    out = io.BytesIO()
    large.save(out, "JPEG", quality=98, exif=exif)
    return out.getvalue()


def test_large_photo_is_shrunk_before_sending(page: Page) -> None:
    picture = large_photograph("2026")
    page.goto("/upload/")
    with page.expect_request(lambda request: request.method == "POST") as sent:
        page.locator("#choose").set_input_files({"name": "IMG.jpg", "mimeType": "image/jpeg", "buffer": picture})
    assert outcome(page, "IMG.jpg").startswith("2026")
    assert int(sent.value.all_headers()["content-length"]) < len(picture)
    kept = Prediction.objects.get()
    assert (kept.width, kept.height < kept.width) == (3000, True)


def test_picture_is_cropped_and_turned_before_sending(page: Page) -> None:
    with Image.open(io.BytesIO(photograph("60\n71", seed=2))) as upright:
        out = io.BytesIO()
        upright.transpose(Image.Transpose.ROTATE_90).save(out, "PNG")
    page.goto("/upload/")
    page.get_by_label("Crop or turn each picture first").check()
    page.locator("#choose").set_input_files({"name": "a.png", "mimeType": "image/png", "buffer": out.getvalue()})
    page.get_by_role("button", name="Turn right").click()
    choose_part(page, 0, 0.02, 1, 0.5)
    page.get_by_role("button", name="Read it").click()
    assert outcome(page, "a.jpg").startswith("60")


def test_cancelled_crop_sends_nothing(page: Page, mnist_pictures: dict[int, bytes]) -> None:
    page.goto("/upload/")
    page.get_by_label("Crop or turn each picture first").check()
    page.locator("#choose").set_input_files({"name": "4.png", "mimeType": "image/png", "buffer": mnist_pictures[4]})
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#adjust")).to_be_hidden()
    expect(page.locator(".upload")).to_have_count(0)


def saved_as(kind: str, *pictures: bytes) -> bytes:
    """Save pictures as the pages of one file."""
    out = io.BytesIO()
    pages = [Image.open(io.BytesIO(picture)).convert("L") for picture in pictures]
    pages[0].save(out, kind, **({"save_all": True, "append_images": pages[1:]} if pages[1:] else {}))
    return out.getvalue()


SEVEN = Path(__file__).parents[2] / "seven.heic"


@pytest.mark.parametrize("kind", ["BMP", "TIFF", "AVIF", "HEIC", "PDF"])
def test_each_kind_of_picture_is_read(page: Page, kind: str) -> None:
    name = f"scan.{kind.lower()}"
    content, text = (
        (SEVEN.read_bytes(), "7") if kind == "HEIC" else (saved_as(kind, photograph("2026", seed=1)), "2026")
    )
    page.goto("/upload/")
    page.locator("#choose").set_input_files({"name": name, "mimeType": "", "buffer": content})
    assert outcome(page, name).startswith(text)
    assert Prediction.objects.get().filename == name


def test_gif_is_read_by_its_first_frame(page: Page, mnist_pictures: dict[int, bytes]) -> None:
    gif = saved_as("GIF", mnist_pictures[4], mnist_pictures[7])
    page.goto("/upload/")
    page.locator("#choose").set_input_files({"name": "4.gif", "mimeType": "image/gif", "buffer": gif})
    told = outcome(page, "4.gif")
    assert told.startswith("4")
    assert "first frame" in told


def test_zip_and_multipage_file_are_sent_as_batches(
    page: Page, user: User, mnist_pictures: dict[int, bytes], complaints: Complaints, monkeypatch: pytest.MonkeyPatch
) -> None:
    complaints.expect("status of 400")
    monkeypatch.setattr(tasks.read_batches, "delay", lambda: None)
    log_in(page, user)
    page.goto("/upload/")
    pictures = [mnist_pictures[4], mnist_pictures[7]]
    packed = zip_of({f"{number}.png": picture for number, picture in enumerate(pictures)})
    files = {"many.zip": packed, "scan.pdf": saved_as("PDF", *pictures), "fax.tiff": saved_as("TIFF", *pictures)}
    for name, content in files.items():
        page.locator("#choose").set_input_files({"name": name, "mimeType": "", "buffer": content})
        assert outcome(page, name) == "2 pictures are read as a batch."
    page.get_by_role("link", name="Open the batch scan.pdf").click()
    page.wait_for_url("**/batches/*/")
    assert list(Batch.objects.values_list("total", flat=True)) == [2, 2, 2]


def test_zip_of_a_stranger_asks_to_log_in(page: Page) -> None:
    page.goto("/upload/")
    page.locator("#choose").set_input_files({"name": "a.zip", "mimeType": "application/zip", "buffer": b"PK"})
    assert "you need an account" in outcome(page, "a.zip")
    page.get_by_role("link", name="Log in to send a.zip").click()
    expect(page).to_have_url(re.compile(r"/login/\?next=/upload/$"))


def test_an_example_is_tried_with_one_click(page: Page) -> None:
    page.goto("/upload/")
    page.get_by_role("button", name="Try an example").click()
    assert outcome(page, "example.jpg").startswith("4032")


def test_camera_button_is_shown_on_phones_only(page: Page) -> None:
    page.goto("/upload/")
    expect(page.get_by_text("Take a photo")).to_be_hidden()
    assert page.locator("#camera").get_attribute("capture") == "environment"
