from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.sent_source_enum import SentSourceEnum
from ..types import UNSET, Unset

T = TypeVar("T", bound="DataUrl")


@_attrs_define
class DataUrl:
    """What POST takes, as JSON.

    Attributes:
        image (str): data:image/png;base64,…
        source (SentSourceEnum | Unset): * `draw` - draw
            * `upload` - upload
            * `api` - api Default: SentSourceEnum.API.
        model_version (str | Unset): name of the version to read with, one that /api/v1/models/ lists; without it, the
            one that serves
    """

    image: str
    source: SentSourceEnum | Unset = SentSourceEnum.API
    model_version: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        image = self.image

        source: str | Unset = UNSET
        if not isinstance(self.source, Unset):
            source = self.source.value

        model_version = self.model_version

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "image": image,
            }
        )
        if source is not UNSET:
            field_dict["source"] = source
        if model_version is not UNSET:
            field_dict["model_version"] = model_version

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        image = d.pop("image")

        _source = d.pop("source", UNSET)
        source: SentSourceEnum | Unset
        if isinstance(_source, Unset):
            source = UNSET
        else:
            source = SentSourceEnum(_source)

        model_version = d.pop("model_version", UNSET)

        data_url = cls(
            image=image,
            source=source,
            model_version=model_version,
        )

        data_url.additional_properties = d
        return data_url

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
