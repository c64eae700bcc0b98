from pathlib import Path

import pytest
from django.core.management import CommandError, call_command


def test_only_digits_have_a_teacher(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="only work with digits"):
        call_command("train", "spotter", teacher=tmp_path / "digits.keras")


def test_a_teacher_that_is_no_network_is_refused_with_its_name(tmp_path: Path) -> None:
    file = tmp_path / "digits.keras"
    with pytest.raises(CommandError, match=r"digits\.keras is no network"):
        call_command("train", teacher=file)
    file.write_bytes(b"no network")
    with pytest.raises(CommandError, match=r"digits\.keras is no network"):
        call_command("train", teacher=file)
