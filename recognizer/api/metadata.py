"""Answers to OPTIONS."""

from typing import Any

from rest_framework.metadata import BaseMetadata
from rest_framework.request import Request


class AllowAlone(BaseMetadata):
    """List the methods in the header `Allow` and nothing else; the schema has the rest."""

    def determine_metadata(self, request: Request, view: Any) -> None:
        return None
