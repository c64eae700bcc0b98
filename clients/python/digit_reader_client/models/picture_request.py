from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import Any, TypeVar

from attrs import define as _attrs_define

from .. import types
from ..models.sent_source_enum import SentSourceEnum
from ..types import UNSET, File, Unset

T = TypeVar("T", bound="PictureRequest")


@_attrs_define
class PictureRequest:
    """Fields of a POST, as multipart.

    Attributes:
        image (File): PNG, JPEG, WebP, GIF (its first frame), BMP, AVIF, HEIC, or a TIFF or PDF of one page; at most 10
            MB and 25 megapixels
        source (SentSourceEnum | Unset): * `draw` - draw
            * `upload` - upload
            * `api` - api Default: SentSourceEnum.API.
        model_version (str | Unset): Name of the version to read with, as listed by /api/v1/models/. Default: the
            current version.
    """

    image: File
    source: SentSourceEnum | Unset = SentSourceEnum.API
    model_version: str | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        image = self.image.to_tuple()

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

    def to_multipart(self) -> types.RequestFiles:
        files: types.RequestFiles = []

        files.append(("image", self.image.to_tuple()))

        if not isinstance(self.source, Unset):
            files.append(("source", (None, str(self.source.value).encode(), "text/plain")))

        if not isinstance(self.model_version, Unset):
            files.append(("model_version", (None, str(self.model_version).encode(), "text/plain")))

        return files

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        image = File(payload=BytesIO(d.pop("image")))

        _source = d.pop("source", UNSET)
        source: SentSourceEnum | Unset
        if isinstance(_source, Unset):
            source = UNSET
        else:
            source = SentSourceEnum(_source)

        model_version = d.pop("model_version", UNSET)

        picture_request = cls(
            image=image,
            source=source,
            model_version=model_version,
        )

        return picture_request
