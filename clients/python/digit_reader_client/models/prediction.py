from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.source_enum import SourceEnum

if TYPE_CHECKING:
    from ..models.correction import Correction
    from ..models.digit import Digit
    from ..models.ignored import Ignored


T = TypeVar("T", bound="Prediction")


@_attrs_define
class Prediction:
    """A stored reading.

    Attributes:
        id (int):
        text (str):
        confidence (float):
        sure (bool): whether the text can be relied on: the confidence is at least 0.81
        digits (list[Digit]):
        ignored (list[Ignored]): marks in the picture that were not read
        source (SourceEnum): * `draw` - drawn
            * `upload` - uploaded
            * `api` - API
            * `import` - imported
        model_version (str):
        image (None | str):
        filename (str):
        created_at (datetime.datetime | None):
        correction (Correction | None):
    """

    id: int
    text: str
    confidence: float
    sure: bool
    digits: list[Digit]
    ignored: list[Ignored]
    source: SourceEnum
    model_version: str
    image: None | str
    filename: str
    created_at: datetime.datetime | None
    correction: Correction | None
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.correction import Correction  # noqa: PLC0415

        id = self.id

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

        source = self.source.value

        model_version = self.model_version

        image: None | str
        image = self.image

        filename = self.filename

        created_at: None | str
        if isinstance(self.created_at, datetime.datetime):
            created_at = self.created_at.isoformat()
        else:
            created_at = self.created_at

        correction: dict[str, Any] | None
        if isinstance(self.correction, Correction):
            correction = self.correction.to_dict()
        else:
            correction = self.correction

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "text": text,
                "confidence": confidence,
                "sure": sure,
                "digits": digits,
                "ignored": ignored,
                "source": source,
                "model_version": model_version,
                "image": image,
                "filename": filename,
                "created_at": created_at,
                "correction": correction,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.correction import Correction  # noqa: PLC0415
        from ..models.digit import Digit  # noqa: PLC0415
        from ..models.ignored import Ignored  # noqa: PLC0415

        d = dict(src_dict)
        id = d.pop("id")

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

        source = SourceEnum(d.pop("source"))

        model_version = d.pop("model_version")

        def _parse_image(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        image = _parse_image(d.pop("image"))

        filename = d.pop("filename")

        def _parse_created_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                created_at_type_0 = datetime.datetime.fromisoformat(data)

                return created_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        created_at = _parse_created_at(d.pop("created_at"))

        def _parse_correction(data: object) -> Correction | None:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                correction_type_1 = Correction.from_dict(data)

                return correction_type_1
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(Correction | None, data)

        correction = _parse_correction(d.pop("correction"))

        prediction = cls(
            id=id,
            text=text,
            confidence=confidence,
            sure=sure,
            digits=digits,
            ignored=ignored,
            source=source,
            model_version=model_version,
            image=image,
            filename=filename,
            created_at=created_at,
            correction=correction,
        )

        prediction.additional_properties = d
        return prediction

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
