"""Pages in a pseudo-language, which shows unmarked texts and layouts that longer texts break."""

import re
from typing import Any

import pytest
from django.utils.translation import trans_real
from playwright.sync_api import Page

from batches.models import Batch, Item
from keys.models import Key
from recognizer.models import Sample
from training.models import RunState, TrainingRun
from training.retraining.verdicts import SENTENCES, Check

from .conftest import OpenPage, log_in
from .inspection import REFERENCE
from .test_pages import FOR_EVERYBODY, kept  # noqa: F401

ACCENTS = str.maketrans("aeiouAEIOU", "áéíóúÁÉÍÓÚ")
UNTOUCHED = re.compile(r"(%\(\w+\)[.0-9]*[a-z]|%%|%s|<[^>]+>|&\w+;|https?://\S*)")
DATE = re.compile(r"[jFMNYHidb,.: ]+")

# Names, examples and what people wrote are the same in every language; times are the browser's.
UNMARKED = """() => {
  const data = ".languages, .who, .version, .made dd, .filename";
  const same = `code, pre, kbd, time, script, style, noscript, template, ${data}`;
  // Names of versions, scopes, files and people; languages of examples; addresses.
  const SAME = new RegExp([
    "\\\\d{4}-\\\\d\\\\d-\\\\d\\\\d-\\\\S+", "\\\\b(read|write|batch|others)\\\\b(?=[:,] |,? ·)",
    "\\\\S+\\\\.zip", "\\\\broot\\\\b", "\\\\bChrome\\\\b", "\\\\bLinux",
    "https?:\\\\S+", "^(curl|Python|JavaScript)\\\\b",
  ].join("|"), "g");
  const found = new Set();
  const look = (text, where) => {
    const named = text.replace(SAME, "");
    const words = named.match(/[A-Za-z]*[aeiou][A-Za-z]*/g) ?? [];
    if (words.some((word) => word.length > 2)) found.add(`${text.trim().slice(0, 70)} (${where})`);
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const parent = walker.currentNode.parentElement;
    if (!parent.closest(same)) look(walker.currentNode.data, parent.tagName);
  }
  for (const each of document.querySelectorAll("[aria-label], [title], [placeholder], [alt]")) {
    for (const name of ["aria-label", "title", "placeholder", "alt"])
      if (!each.closest(same)) look(each.getAttribute(name) ?? "", name);
  }
  return [...found];
}"""
OVERFLOWING = """() => {
  const ARROW = 20;
  const wordsOf = (select) => {
    const style = getComputedStyle(select);
    const pen = document.createElement("canvas").getContext("2d");
    pen.font = style.font;
    const { width } = pen.measureText(select.selectedOptions[0].text);
    return width + parseFloat(style.paddingLeft) + parseFloat(style.paddingRight) + ARROW;
  };
  const hidden = ".visually-hidden, .visually-hidden *, .skip, .scrolls *, pre, pre *, .who, #swagger-ui *";
  const outside = [...document.querySelectorAll("body :is(a, button, input, select, label, h1, h2, p, summary)")]
    .filter((each) => !each.closest(hidden) && each.getClientRects().length)
    .filter((each) => {
      const { left, right } = each.getBoundingClientRect();
      const clips = each.matches("button, summary") || getComputedStyle(each).overflowX !== "visible";
      const isCut = each.matches("select") ? wordsOf(each) > each.clientWidth : each.scrollWidth > each.clientWidth + 1;
      return left < -1 || right > innerWidth + 1 || (clips && !each.matches("input") && isCut);
    });
  const wide = document.documentElement.scrollWidth - innerWidth;
  return [...(wide > 0 ? [`${wide} pixels too wide`] : []), ...outside.map((each) => each.outerHTML.slice(0, 90))];
}"""
SCRIPT = """globalThis.django = {
  accents: { a: "á", e: "é", i: "í", o: "ó", u: "ú" },
  gettext: (text) => text.replace(/%\\(\\w+\\)s|[aeiou]/g, (part) => django.accents[part] ?? part),
  ngettext: (one, many, count) => django.gettext(count === 1 ? one : many),
};"""


def longer(text: str) -> str:
    """Return a text with changed vowels and half as long again; placeholders and tags stay."""
    if not text or DATE.fullmatch(text):
        return text
    parts = [part if UNTOUCHED.fullmatch(part) else part.translate(ACCENTS) for part in UNTOUCHED.split(text)]
    words = len(UNTOUCHED.sub("", text)) * 2 // 5
    return "".join(parts) + " ñññññ" * (words // 6) + "ñ" * (words % 6)


class Longer(trans_real.DjangoTranslation):
    def gettext(self, message: str) -> str:
        return longer(message)

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return longer(msgid1 if n == 1 else msgid2)


@pytest.fixture
def narrow(open_page: OpenPage, superuser: Any, monkeypatch: pytest.MonkeyPatch) -> Page:
    """A narrow screen with the pseudo-language as German."""
    monkeypatch.setitem(trans_real._translations, "de", Longer("de"))
    page = open_page(viewport={"width": 320, "height": 800}, locale="de")
    page.route("**/texts/*.js", lambda route: route.fulfill(content_type="text/javascript", body=SCRIPT))
    log_in(page, superuser)
    return page


@pytest.fixture
def paths(superuser: Any, kept: Any) -> list[str]:  # noqa: F811
    batch = Batch.objects.create(owner=superuser, name="7.zip", total=3, read=1, source="upload", state="running")
    Item.objects.create(batch=batch, number=1, name="1.png", prediction=kept)
    key = Key.objects.issue(superuser, name="7")[0]
    checks = [
        Check(name, False, dict.fromkeys(re.findall(r"%\((\w+)\)", sentence.words), 0.5)).as_json()
        for name, sentence in SENTENCES.items()
    ]
    ended = TrainingRun.objects.create(state=RunState.REFUSED, verdict={"passed": False, "checks": checks})
    active = TrainingRun.objects.create(state=RunState.RUNNING, phase="training")
    Sample.objects.draw(1)
    own = ["/accounts/", "/accounts/erase/", "/accounts/password/", "/accounts/email/", "/accounts/mfa/", "/privacy/",
           "/accounts/mfa/totp/activate/", "/accounts/mfa/webauthn/add/", "/accounts/sessions/", "/batches/",
           "/history/erase/", "/history/?digit=9", "/review/", "/review/unsure/", "/review/sample/", "/dashboard/",
           "/accounts/password/reset/", "/accounts/password/reset/sent/", "/nowhere/"]  # fmt: skip
    own += [f"/dashboard/runs/{run.pk}/" for run in (ended, active)]
    own += [kept.get_absolute_url(), batch.get_absolute_url(), key.get_absolute_url()]
    return [path for path in FOR_EVERYBODY if path != REFERENCE] + own


@pytest.mark.parametrize("language", ["de", "es"])
def test_pages_fit_a_phone_in_each_language(
    open_page: OpenPage, superuser: Any, paths: list[str], complaints: Any, language: str
) -> None:
    complaints.expect("404")
    page = open_page(viewport={"width": 360, "height": 800}, locale=language)
    log_in(page, superuser)
    faults = []
    for path in paths:
        page.goto(path)
        faults += [f"{path} does not fit: {where}" for where in page.evaluate(OVERFLOWING)]
    assert not faults, "\n".join(faults)


def test_every_text_is_marked_and_fits_a_narrow_screen(narrow: Page, paths: list[str], complaints: Any) -> None:
    complaints.expect("404")
    faults = []
    for path in paths:
        narrow.goto(path)
        narrow.wait_for_load_state("networkidle")
        faults += [f"{path} is not translated: {text}" for text in narrow.evaluate(UNMARKED)]
        faults += [f"{path} does not fit: {where}" for where in narrow.evaluate(OVERFLOWING)]
        narrow.evaluate("document.documentElement.dir = 'rtl'")
        faults += [f"{path} from right to left does not fit: {where}" for where in narrow.evaluate(OVERFLOWING)]
    assert not faults, "\n".join(faults)
