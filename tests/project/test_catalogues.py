"""Catalogues are complete, translated and compiled."""

import re

import pytest

from docs.catalogues import DOMAINS, LANGUAGES, PAD_TEXTS, kept, path_of, strings, texts_of_the_pad, updated

PLACE = re.compile(r"%\(\w+\)[.0-9]*[a-z]|%%|<[^>]+>")
EACH = [(language, domain) for language in LANGUAGES for domain in DOMAINS]


@pytest.mark.parametrize(("language", "domain"), EACH)
def test_catalogues_have_exactly_the_texts_of_the_code(language: str, domain: str) -> None:
    """Run `make catalogues` and translate what it names."""
    assert str(kept(language, domain)) == str(updated(language, domain))


@pytest.mark.parametrize(("language", "domain"), EACH)
def test_every_text_is_translated_with_its_placeholders(language: str, domain: str) -> None:
    for entry in kept(language, domain):
        assert not entry.fuzzy, entry.msgid
        assert not entry.obsolete, entry.msgid
        wanted = sorted(PLACE.findall(entry.msgid_plural or entry.msgid))
        for place, translated in enumerate(strings(entry)):
            assert translated.strip(), entry.msgid
            found = sorted(PLACE.findall(translated))
            # The singular may say "a point" in place of "1 point".
            assert found == wanted or (entry.msgid_plural and place == 0 and not PLACE.search(entry.msgid)), translated


@pytest.mark.parametrize(("language", "domain"), EACH)
def test_compiled_catalogues_match_their_sources(language: str, domain: str) -> None:
    assert path_of(language, domain, ".mo").read_bytes() == kept(language, domain).to_binary()


def test_texts_of_the_pad_are_those_of_the_catalogues() -> None:
    assert PAD_TEXTS.read_text() == texts_of_the_pad()
