from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import Any, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, File, Unset

T = TypeVar("T", bound="ImagesRequest")


@_attrs_define
class ImagesRequest:
    """What a batch may be asked besides.

    Attributes:
        images (list[File]):
        model_version (str | Unset): name of the version to read with, one that /api/v1/models/ lists; without it, the
            one that serves
        webhook (str | Unset): https:// address that is told once the batch has ended
    """

    images: list[File]
    model_version: str | Unset = UNSET
    webhook: str | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        images = []
        for images_item_data in self.images:
            images_item = images_item_data.to_tuple()

            images.append(images_item)

        model_version = self.model_version

        webhook = self.webhook

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "images": images,
            }
        )
        if model_version is not UNSET:
            field_dict["model_version"] = model_version
        if webhook is not UNSET:
            field_dict["webhook"] = webhook

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        images = []
        _images = d.pop("images")
        for images_item_data in _images:
            images_item = File(payload=BytesIO(images_item_data))

            images.append(images_item)

        model_version = d.pop("model_version", UNSET)

        webhook = d.pop("webhook", UNSET)

        images_request = cls(
            images=images,
            model_version=model_version,
            webhook=webhook,
        )

        return images_request
