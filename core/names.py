"""Names of models and their fields in the language of the page. `make catalogues` collects them."""

from collections.abc import Iterable, Iterator
from typing import Any

from django.db.models import Model
from django.utils.translation import gettext_lazy


def derived_names(model: type[Model]) -> Iterator[tuple[Any, str, str]]:
    """Yield the names that Django makes of identifiers: what has it, its attribute, and the name in English."""
    options: Any = model._meta
    for field in (*options.local_fields, *options.local_many_to_many):
        if field._verbose_name is None:
            yield field, "verbose_name", field.name.replace("_", " ")
    name = options.verbose_name_raw
    for attribute, words in (("verbose_name", name), ("verbose_name_plural", f"{name}s")):
        if attribute not in options.original_attrs:
            yield options, attribute, words


def translate_names(models: Iterable[type[Model]]) -> None:
    """Have derived names translated. Migrations never see it, because models declare what they did before."""
    for model in models:
        for named, attribute, words in derived_names(model):
            setattr(named, attribute, gettext_lazy(words))
