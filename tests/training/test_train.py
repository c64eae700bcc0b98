from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command


def test_teacher_option_is_refused_except_for_digits(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="only work with digits"):
        call_command("train", "spotter", teacher=tmp_path / "digits.keras")


def test_teacher_that_is_not_a_network_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "digits.keras"
    with pytest.raises(CommandError, match=r"digits\.keras is no network"):
        call_command("train", teacher=file)
    file.write_bytes(b"no network")
    with pytest.raises(CommandError, match=r"digits\.keras is no network"):
        call_command("train", teacher=file)


@pytest.mark.parametrize(
    "options", [{"network": "pages", "start": Path("page.tflite")}, {}, {"start": Path("digits.keras"), "keep": 1.5}]
)
def test_keep_without_a_classifier_to_start_from_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(CommandError, match="--keep only works with digits"):
        call_command("train", **{"keep": 0.5, **options})


def test_start_that_is_no_classifier_is_refused_with_its_name(tmp_path: Path) -> None:
    file = tmp_path / "digits.keras"
    file.write_bytes(b"no network")
    with pytest.raises(CommandError, match=r"digits\.keras is no network of this kind"):
        call_command("train", start=file)
