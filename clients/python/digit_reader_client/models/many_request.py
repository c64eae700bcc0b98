from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import Any, TypeVar

from attrs import define as _attrs_define

from .. import types
from ..types import UNSET, File, FileTypes, Unset

T = TypeVar("T", bound="ManyRequest")


@_attrs_define
class ManyRequest:
    """Fields of a POST, as multipart: a zip, or images.

    Attributes:
        archive (File | Unset): a zip of at most 10,000 images and 1 GB
        images (list[File] | Unset):
        model_version (str | Unset): Name of the version to read with, as listed by /api/v1/models/. Default: the
            current version.
        webhook (str | Unset): https:// address that gets a POST when the batch ends
    """

    archive: File | Unset = UNSET
    images: list[File] | Unset = UNSET
    model_version: str | Unset = UNSET
    webhook: str | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        archive: FileTypes | Unset = UNSET
        if not isinstance(self.archive, Unset):
            archive = self.archive.to_tuple()

        images: list[FileTypes] | Unset = UNSET
        if not isinstance(self.images, Unset):
            images = []
            for images_item_data in self.images:
                images_item = images_item_data.to_tuple()

                images.append(images_item)

        model_version = self.model_version

        webhook = self.webhook

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if archive is not UNSET:
            field_dict["archive"] = archive
        if images is not UNSET:
            field_dict["images"] = images
        if model_version is not UNSET:
            field_dict["model_version"] = model_version
        if webhook is not UNSET:
            field_dict["webhook"] = webhook

        return field_dict

    def to_multipart(self) -> types.RequestFiles:
        files: types.RequestFiles = []

        if not isinstance(self.archive, Unset):
            files.append(("archive", self.archive.to_tuple()))

        if not isinstance(self.images, Unset):
            for images_item_element in self.images:
                files.append(("images", images_item_element.to_tuple()))

        if not isinstance(self.model_version, Unset):
            files.append(("model_version", (None, str(self.model_version).encode(), "text/plain")))

        if not isinstance(self.webhook, Unset):
            files.append(("webhook", (None, str(self.webhook).encode(), "text/plain")))

        return files

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        _archive = d.pop("archive", UNSET)
        archive: File | Unset
        if isinstance(_archive, Unset):
            archive = UNSET
        else:
            archive = File(payload=BytesIO(_archive))

        _images = d.pop("images", UNSET)
        images: list[File] | Unset = UNSET
        if _images is not UNSET:
            images = []
            for images_item_data in _images:
                images_item = File(payload=BytesIO(images_item_data))

                images.append(images_item)

        model_version = d.pop("model_version", UNSET)

        webhook = d.pop("webhook", UNSET)

        many_request = cls(
            archive=archive,
            images=images,
            model_version=model_version,
            webhook=webhook,
        )

        return many_request
