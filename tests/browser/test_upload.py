"""Pictures on their way in: chosen, dropped, pasted, photographed."""

import base64
from pathlib import Path

from playwright.sync_api import FilePayload, Page, expect

from recognizer.models import Prediction, Source

from .conftest import Complaints
from .pictures import photograph


def png_file(name: str, content: bytes) -> FilePayload:
    return {"name": name, "mimeType": "image/png", "buffer": content}


def outcome(page: Page, name: str) -> str:
    row = page.locator(".upload").filter(has_text=name)
    expect(row.locator("progress")).to_have_count(0)
    return row.locator(".outcome").inner_text()


def test_a_photograph_is_chosen_read_and_kept(page: Page) -> None:
    page.goto("/upload/")
    with page.expect_file_chooser() as chooser:
        page.get_by_text("Choose pictures").click()
    chooser.value.set_files({"name": "IMG_1.jpg", "mimeType": "image/jpeg", "buffer": photograph("2026", seed=1)})
    assert outcome(page, "IMG_1.jpg").startswith("2026")
    page.get_by_role("link", name="Look at the reading 2026").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Read as 2026")
    kept = Prediction.objects.get()
    assert (kept.text, kept.source) == ("2026", Source.UPLOAD)


def test_several_at_once_are_read_each_and_refused_each_with_its_reason(
    page: Page, mnist_pictures: dict[int, bytes], blank: bytes, complaints: Complaints
) -> None:
    complaints.expect("status of 400")
    page.goto("/upload/")
    files = [png_file(f"digit-{digit}.png", mnist_pictures[digit]) for digit in (7, 2, 0)]
    files += [
        {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"no picture"},
        png_file("empty.png", b""),
        png_file("blank.png", blank),
        png_file("huge.png", bytes(10 * 1024 * 1024 + 1)),
    ]
    page.locator("#choose").set_input_files(files)
    assert [outcome(page, f"digit-{digit}.png")[0] for digit in (7, 2, 0)] == ["7", "2", "0"]
    told = {name: outcome(page, name) for name in ("notes.txt", "empty.png", "blank.png", "huge.png")}
    assert "not a PNG, JPEG or WebP" in told["notes.txt"]
    assert "empty" in told["empty.png"]
    assert "no ink" in told["blank.png"] or "nothing written" in told["blank.png"].lower()
    assert "larger than 10 MB" in told["huge.png"]
    assert Prediction.objects.count() == 3


def test_a_picture_is_dropped_anywhere(page: Page, mnist_pictures: dict[int, bytes], tmp_path: Path) -> None:
    file = tmp_path / "dropped.png"
    file.write_bytes(mnist_pictures[4])
    page.goto("/upload/")
    hand = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(file)], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver"):
        hand.send("Input.dispatchDragEvent", {"type": kind, "x": 600, "y": 700, "data": data})
    expect(page.get_by_text("Drop to have it read")).to_be_visible()
    hand.send("Input.dispatchDragEvent", {"type": "drop", "x": 600, "y": 700, "data": data})
    assert outcome(page, "dropped.png").startswith("4")
    expect(page.get_by_text("Drop to have it read")).to_be_hidden()


COPY = """async (picture) => {
  const bytes = Uint8Array.from(atob(picture), (byte) => byte.charCodeAt(0));
  await navigator.clipboard.write([new ClipboardItem({ "image/png": new Blob([bytes], { type: "image/png" }) })]);
}"""


def test_a_picture_is_pasted(page: Page, mnist_pictures: dict[int, bytes]) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto("/upload/")
    page.evaluate(COPY, base64.b64encode(mnist_pictures[6]).decode())
    page.keyboard.press("Control+v")
    assert outcome(page, "image.png").startswith("6")


def test_text_on_the_clipboard_is_told_to_be_no_picture(page: Page) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto("/upload/")
    page.evaluate("navigator.clipboard.writeText('words')")
    page.keyboard.press("Control+v")
    expect(page.get_by_text("There is no picture to paste.")).to_be_attached()


def test_a_photo_is_taken_with_a_phone_only(page: Page) -> None:
    page.goto("/upload/")
    expect(page.get_by_text("Take a photo")).to_be_hidden()
    assert page.locator("#camera").get_attribute("capture") == "environment"
