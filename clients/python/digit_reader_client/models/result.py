from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.digit import Digit
    from ..models.ignored import Ignored


T = TypeVar("T", bound="Result")


@_attrs_define
class Result:
    """One line of the results.

    Attributes:
        number (int):
        file (str):
        text (str):
        confidence (float):
        sure (bool): whether the text can be relied on: the confidence is at least 0.81
        digits (list[Digit]):
        ignored (list[Ignored]): marks in the picture that were not read
        reason (None | str): why there is no reading
        model_version (None | str):
        prediction (int | None | Unset):
    """

    number: int
    file: str
    text: str
    confidence: float
    sure: bool
    digits: list[Digit]
    ignored: list[Ignored]
    reason: None | str
    model_version: None | str
    prediction: int | None | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        number = self.number

        file = self.file

        text = self.text

        confidence = self.confidence

        sure = self.sure

        digits = []
        for digits_item_data in self.digits:
            digits_item = digits_item_data.to_dict()
            digits.append(digits_item)

        ignored = []
        for ignored_item_data in self.ignored:
            ignored_item = ignored_item_data.to_dict()
            ignored.append(ignored_item)

        reason: None | str
        reason = self.reason

        model_version: None | str
        model_version = self.model_version

        prediction: int | None | Unset
        if isinstance(self.prediction, Unset):
            prediction = UNSET
        else:
            prediction = self.prediction

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "number": number,
                "file": file,
                "text": text,
                "confidence": confidence,
                "sure": sure,
                "digits": digits,
                "ignored": ignored,
                "reason": reason,
                "model_version": model_version,
            }
        )
        if prediction is not UNSET:
            field_dict["prediction"] = prediction

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.digit import Digit  # noqa: PLC0415
        from ..models.ignored import Ignored  # noqa: PLC0415

        d = dict(src_dict)
        number = d.pop("number")

        file = d.pop("file")

        text = d.pop("text")

        confidence = d.pop("confidence")

        sure = d.pop("sure")

        digits = []
        _digits = d.pop("digits")
        for digits_item_data in _digits:
            digits_item = Digit.from_dict(digits_item_data)

            digits.append(digits_item)

        ignored = []
        _ignored = d.pop("ignored")
        for ignored_item_data in _ignored:
            ignored_item = Ignored.from_dict(ignored_item_data)

            ignored.append(ignored_item)

        def _parse_reason(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        reason = _parse_reason(d.pop("reason"))

        def _parse_model_version(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        model_version = _parse_model_version(d.pop("model_version"))

        def _parse_prediction(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        prediction = _parse_prediction(d.pop("prediction", UNSET))

        result = cls(
            number=number,
            file=file,
            text=text,
            confidence=confidence,
            sure=sure,
            digits=digits,
            ignored=ignored,
            reason=reason,
            model_version=model_version,
            prediction=prediction,
        )

        result.additional_properties = d
        return result

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
