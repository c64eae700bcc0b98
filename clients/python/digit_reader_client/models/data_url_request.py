from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

from ..models.sent_source_enum import SentSourceEnum
from ..types import UNSET, Unset

T = TypeVar("T", bound="DataUrlRequest")


@_attrs_define
class DataUrlRequest:
    """Fields of a POST, as JSON.

    Attributes:
        image (str): data:image/png;base64,…
        source (SentSourceEnum | Unset): * `draw` - draw
            * `upload` - upload
            * `api` - api Default: SentSourceEnum.API.
        model_version (str | Unset): Name of the version to read with, as listed by /api/v1/models/. Default: the
            current version.
    """

    image: str
    source: SentSourceEnum | Unset = SentSourceEnum.API
    model_version: str | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        image = self.image

        source: str | Unset = UNSET
        if not isinstance(self.source, Unset):
            source = self.source.value

        model_version = self.model_version

        field_dict: dict[str, Any] = {}

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

        data_url_request = cls(
            image=image,
            source=source,
            model_version=model_version,
        )

        return data_url_request
