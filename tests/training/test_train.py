from pathlib import Path

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
