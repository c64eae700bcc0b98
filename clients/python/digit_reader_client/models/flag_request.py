from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define

T = TypeVar("T", bound="FlagRequest")


@_attrs_define
class FlagRequest:
    """A correction: the right number, or an empty text for "no number here".

    Attributes:
        text (str):
    """

    text: str

    def to_dict(self) -> dict[str, Any]:
        text: str
        text = self.text

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "text": text,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)

        def _parse_text(data: object) -> str:
            return cast(str, data)

        text = _parse_text(d.pop("text"))

        flag_request = cls(
            text=text,
        )

        return flag_request
