"""Collect the texts of the site into `locale/*/LC_MESSAGES/*.po`, and compile them. Run with `make catalogues`.

Two catalogues for each language: `django` has the texts of pages, mails and the API, `scripts` those of the scripts.
`static/js/pad-texts.js` has the texts of <digit-pad> in all languages, because pages of other sites load no catalogue.
Compiled catalogues are committed, so that web hosts need no gettext tools.
"""

import ast
import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import django
import polib
from django.contrib import admin
from django.utils.translation.template import templatize

from core.names import derived_names

PROJECT = Path(__file__).resolve().parent.parent
LOCALE = PROJECT / "locale"
LANGUAGES = ("de", "es")
APPS = ("accounts", "batches", "core", "digitsite", "keys", "recognizer", "training")
FUNCTIONS = {"gettext": 1, "gettext_lazy": 1, "gettext_noop": 1, "ngettext": 2}
"""Number of texts that each function takes."""

PAD_TEXTS = PROJECT / "static" / "js" / "pad-texts.js"
OF_THE_PAD = ("api.js", "digit-pad.js")
"""Scripts whose texts <digit-pad> shows."""

OF_DJANGO = (
    "After you’ve created a user, you’ll be able to edit more user options.",
    "Conflicting form data submitted. Please try again.",
    "Disable password-based authentication",
    "Disabled",
    "Enable password-based authentication",
    "Enable password-based authentication for this user by setting a password.",
    "Enabled",
    "Password-based authentication",
    "Password-based authentication was disabled.",
    "Raw passwords are not stored, so there is no way to see the user’s password.",
    "Reset password",
    "Set password",
    "Set password: %s",
    "This action will <strong>enable</strong> password-based authentication for this user.",
    "Whether the user will be able to authenticate using a password or not. If disabled, they may still be able to "
    "authenticate using other backends, such as Single Sign-On or LDAP.",
)
"""Texts of Django's admin that its own catalogues lack in a language."""

WIDTH = 10_000
"""Maximum line length: each text stays on one line, so that diffs are readable."""

STRING = r"""u?("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')"""
CALL = re.compile(rf"\b(?:(ngettext)\(\s*{STRING},\s*{STRING}|(?:gettext|_)\(\s*{STRING})")

Text = str | tuple[str, str]
"""A text, or its singular and plural."""


def texts_of_pages() -> Iterator[tuple[Text, str]]:
    """Yield each text of the Python code and the templates, with the file it is in."""
    for app in APPS:
        for path in sorted((PROJECT / app).rglob("*.py")):
            where = str(path.relative_to(PROJECT))
            yield from ((text, where) for text in texts_of_python(path.read_text()))
    yield from texts_of_the_admin()
    yield from ((text, "django") for text in OF_DJANGO)
    for path in sorted((PROJECT / "templates").rglob("*.*")):
        if path.suffix in (".html", ".txt"):
            where = str(path.relative_to(PROJECT))
            yield from ((text, where) for text in texts_of_calls(templatize(path.read_text(), origin=where)))


def texts_of_scripts() -> Iterator[tuple[Text, str]]:
    for path in sorted((PROJECT / "static" / "js").glob("*.js")):
        where = str(path.relative_to(PROJECT))
        yield from ((text, where) for text in texts_of_calls(path.read_text()))


def texts_of_the_admin() -> Iterator[tuple[Text, str]]:
    """Yield the names of models and fields that the admin shows, and that nothing declares."""
    for model, shown in admin.site._registry.items():
        for each in (model, *(inline.model for inline in shown.inlines)):
            yield from ((words, f"{each._meta.app_label}/models.py") for _, _, words in derived_names(each))


DOMAINS = {"django": texts_of_pages, "scripts": texts_of_scripts}


def texts_of_python(source: str) -> Iterator[Text]:
    """Yield the texts of gettext calls, and the messages of recognizer.reading, which does not import gettext."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else ""
            texts = [arg.value for arg in node.args[: FUNCTIONS.get(name, 0)] if isinstance(arg, ast.Constant)]
            if texts:
                yield texts[0] if len(texts) == 1 else (texts[0], texts[1])
        parts = node.args if isinstance(node, ast.Call) else node.elts if isinstance(node, ast.Tuple) else []
        match parts:
            case [ast.Attribute(value=ast.Name(id="Unreadable")), ast.Constant(value=str(sentence))]:
                yield sentence


def texts_of_calls(source: str) -> Iterator[Text]:
    """Yield the texts of calls of gettext in a script, or in a template as Django prepares it."""
    for call in CALL.finditer(source):
        _, one, many, text = call.groups()
        yield ast.literal_eval(text) if text else (ast.literal_eval(one), ast.literal_eval(many))


def path_of(language: str, domain: str, suffix: str = ".po") -> Path:
    return LOCALE / language / "LC_MESSAGES" / f"{domain}{suffix}"


def kept(language: str, domain: str) -> polib.POFile:
    """Return the committed catalogue, or an empty one."""
    path = path_of(language, domain)
    return polib.pofile(str(path), wrapwidth=WIDTH) if path.exists() else polib.POFile(wrapwidth=WIDTH)


def updated(language: str, domain: str) -> polib.POFile:
    """Return the committed catalogue with exactly the texts of the code; new ones are not translated yet."""
    old = {entry.msgid: entry for entry in kept(language, domain)}
    places: dict[Text, list[str]] = {}
    for text, where in DOMAINS[domain]():
        places.setdefault(text, []).append(where)
    catalogue = polib.POFile(wrapwidth=WIDTH)
    catalogue.metadata = {
        "Language": language,
        "Content-Type": "text/plain; charset=utf-8",
        "Content-Transfer-Encoding": "8bit",
        "Plural-Forms": "nplurals=2; plural=(n != 1);",
    }
    for text in sorted(places, key=str):
        one, many = (text, "") if isinstance(text, str) else text
        entry = polib.POEntry(
            msgid=one, msgid_plural=many, occurrences=[(where, "") for where in sorted({*places[text]})]
        )
        if many:
            entry.msgstr_plural = old[one].msgstr_plural if one in old else {0: "", 1: ""}
        else:
            entry.msgstr = old[one].msgstr if one in old else ""
        catalogue.append(entry)
    return catalogue


def texts_of_the_pad() -> str:
    """Return the module with the translations of <digit-pad>. Plural forms are a list under the singular."""
    where = {f"static/js/{name}" for name in OF_THE_PAD}
    texts = {
        language: {
            entry.msgid: strings(entry) if entry.msgid_plural else entry.msgstr
            for entry in kept(language, "scripts")
            if where & {file for file, _ in entry.occurrences}
        }
        for language in LANGUAGES
    }
    return f"// Made by docs/catalogues.py.\nexport const TEXTS = {json.dumps(texts, ensure_ascii=False, indent=2)};\n"


def strings(entry: polib.POEntry) -> list[str]:
    """Return the translations of a text: one, or one for each plural form."""
    return list(entry.msgstr_plural.values()) if entry.msgid_plural else [entry.msgstr]


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "digitsite.settings")
    django.setup()
    for language in LANGUAGES:
        for domain in DOMAINS:
            catalogue, path = updated(language, domain), path_of(language, domain)
            path.parent.mkdir(parents=True, exist_ok=True)
            catalogue.save(str(path))
            path_of(language, domain, ".mo").write_bytes(catalogue.to_binary())
            for entry in catalogue:
                if not all(strings(entry)):
                    sys.stderr.write(f"{path.relative_to(PROJECT)}: not translated: {entry.msgid[:90]}\n")
    PAD_TEXTS.write_text(texts_of_the_pad())


if __name__ == "__main__":
    main()
