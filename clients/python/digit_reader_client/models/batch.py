from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.batch_state_enum import BatchStateEnum

T = TypeVar("T", bound="Batch")


@_attrs_define
class Batch:
    """
    Attributes:
        id (int):
        name (str):
        state (BatchStateEnum): * `queued` - Queued
            * `running` - Running
            * `done` - Done
            * `failed` - Failed
            * `cancelled` - Cancelled
            * `erasing` - Erasing
        words (str): progress as a sentence for people
        total (int):
        read (int):
        refused (int):
        error (str):
        results (str):
        model_version (None | str): the version that was asked for; null for the current version
        webhook (str):
        created_at (datetime.datetime):
        started_at (datetime.datetime | None):
        finished_at (datetime.datetime | None):
    """

    id: int
    name: str
    state: BatchStateEnum
    words: str
    total: int
    read: int
    refused: int
    error: str
    results: str
    model_version: None | str
    webhook: str
    created_at: datetime.datetime
    started_at: datetime.datetime | None
    finished_at: datetime.datetime | None
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        name = self.name

        state = self.state.value

        words = self.words

        total = self.total

        read = self.read

        refused = self.refused

        error = self.error

        results = self.results

        model_version: None | str
        model_version = self.model_version

        webhook = self.webhook

        created_at = self.created_at.isoformat()

        started_at: None | str
        if isinstance(self.started_at, datetime.datetime):
            started_at = self.started_at.isoformat()
        else:
            started_at = self.started_at

        finished_at: None | str
        if isinstance(self.finished_at, datetime.datetime):
            finished_at = self.finished_at.isoformat()
        else:
            finished_at = self.finished_at

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "name": name,
                "state": state,
                "words": words,
                "total": total,
                "read": read,
                "refused": refused,
                "error": error,
                "results": results,
                "model_version": model_version,
                "webhook": webhook,
                "created_at": created_at,
                "started_at": started_at,
                "finished_at": finished_at,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        id = d.pop("id")

        name = d.pop("name")

        state = BatchStateEnum(d.pop("state"))

        words = d.pop("words")

        total = d.pop("total")

        read = d.pop("read")

        refused = d.pop("refused")

        error = d.pop("error")

        results = d.pop("results")

        def _parse_model_version(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        model_version = _parse_model_version(d.pop("model_version"))

        webhook = d.pop("webhook")

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        def _parse_started_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                started_at_type_0 = datetime.datetime.fromisoformat(data)

                return started_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        started_at = _parse_started_at(d.pop("started_at"))

        def _parse_finished_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                finished_at_type_0 = datetime.datetime.fromisoformat(data)

                return finished_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        finished_at = _parse_finished_at(d.pop("finished_at"))

        batch = cls(
            id=id,
            name=name,
            state=state,
            words=words,
            total=total,
            read=read,
            refused=refused,
            error=error,
            results=results,
            model_version=model_version,
            webhook=webhook,
            created_at=created_at,
            started_at=started_at,
            finished_at=finished_at,
        )

        batch.additional_properties = d
        return batch

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
