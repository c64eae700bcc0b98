from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define

from ..models.turn_enum import TurnEnum
from ..types import UNSET, Unset

T = TypeVar("T", bound="CropRequest")


@_attrs_define
class CropRequest:
    """A part of a stored picture. The context's "size" is the picture's width and height.

    Attributes:
        box (list[int]): x, y, width, height in pixels, inside the picture
        turn (TurnEnum | Unset): * `0` - 0
            * `90` - 90
            * `180` - 180
            * `270` - 270 Default: TurnEnum.VALUE_0.
    """

    box: list[int]
    turn: TurnEnum | Unset = TurnEnum.VALUE_0

    def to_dict(self) -> dict[str, Any]:
        box = self.box

        turn: int | Unset = UNSET
        if not isinstance(self.turn, Unset):
            turn = self.turn.value

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "box": box,
            }
        )
        if turn is not UNSET:
            field_dict["turn"] = turn

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        box = cast(list[int], d.pop("box"))

        _turn = d.pop("turn", UNSET)
        turn: TurnEnum | Unset
        if isinstance(_turn, Unset):
            turn = UNSET
        else:
            turn = TurnEnum(_turn)

        crop_request = cls(
            box=box,
            turn=turn,
        )

        return crop_request
