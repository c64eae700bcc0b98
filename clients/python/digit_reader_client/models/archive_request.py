from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import Any, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, File, Unset

T = TypeVar("T", bound="ArchiveRequest")


@_attrs_define
class ArchiveRequest:
    """What a batch may be asked besides.

    Attributes:
        archive (File): a zip of at most 10,000 images and 1 GB
        model_version (str | Unset): name of the version to read with, one that /api/v1/models/ lists; without it, the
            one that serves
        webhook (str | Unset): https:// address that is told once the batch has ended
    """

    archive: File
    model_version: str | Unset = UNSET
    webhook: str | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        archive = self.archive.to_tuple()

        model_version = self.model_version

        webhook = self.webhook

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "archive": archive,
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
        archive = File(payload=BytesIO(d.pop("archive")))

        model_version = d.pop("model_version", UNSET)

        webhook = d.pop("webhook", UNSET)

        archive_request = cls(
            archive=archive,
            model_version=model_version,
            webhook=webhook,
        )

        return archive_request
