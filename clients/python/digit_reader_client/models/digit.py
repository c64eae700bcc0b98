from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="Digit")


@_attrs_define
class Digit:
    """
    Attributes:
        label (int):
        confidence (float):
        box (list[int]): x, y, width, height in pixels
        probabilities (list[float]):
        line (int): number of the line, from 0
    """

    label: int
    confidence: float
    box: list[int]
    probabilities: list[float]
    line: int
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        label = self.label

        confidence = self.confidence

        box = self.box

        probabilities = self.probabilities

        line = self.line

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "label": label,
                "confidence": confidence,
                "box": box,
                "probabilities": probabilities,
                "line": line,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        label = d.pop("label")

        confidence = d.pop("confidence")

        box = cast(list[int], d.pop("box"))

        probabilities = cast(list[float], d.pop("probabilities"))

        line = d.pop("line")

        digit = cls(
            label=label,
            confidence=confidence,
            box=box,
            probabilities=probabilities,
            line=line,
        )

        digit.additional_properties = d
        return digit

    @property
    def additional_keys(self) -> list[str]:
        return list(self.additional_properties.keys())

    def __getitem__(self, key: str) -> Any:
        return self.additional_properties[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.additional_properties[key] = value

    def __delitem__(self, key: str) -> None:
        del self.additional_properties[key]

    def __contains__(self, key: str) -> bool:
        return key in self.additional_properties
