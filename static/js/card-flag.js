/** Confirm and correct predictions on their cards, while the page stays as it is. */
import { sendJSON } from "./api.js";
import { rightNumberIn } from "./right-number.js";
import { gettext } from "./words.js";

const STATES = { pending: gettext("awaiting review"), approved: gettext("corrected"), confirmed: gettext("right") };

const pictures = document.querySelector(".pictures");
const told = document.querySelector("#told");

function show(item, { state, text }) {
  const words = state === "confirmed" ? STATES[state] : `${STATES[state]}: ${text.replaceAll("\n", " ") || gettext("no number")}`;
  const badge = item.querySelector(".badge") ?? document.createElement("span");
  badge.className = "badge";
  badge.textContent = words;
  item.querySelector(".card-facts").append(badge);
  item.querySelector(".card-right")?.remove();
  const details = item.querySelector(".card-flag details");
  details.open = false;
  details.querySelector("summary").focus({ preventScroll: true });
  const field = details.querySelector("input[name=text]");
  field.value = field.defaultValue = text.replaceAll("\n", " ");
  told.textContent = words;
}

/** Return what a form says is right, or null where it is no number. */
function textOf(form, button) {
  return button?.name === "text" ? button.value : rightNumberIn(form.querySelector("input[name=text]"));
}

async function send(form, button) {
  const text = textOf(form, button);
  if (text === null) return;
  const item = form.closest("li");
  const buttons = form.querySelectorAll("button");
  for (const each of buttons) each.disabled = true;
  try {
    show(item, await sendJSON(item.dataset.flagUrl, { text }));
  } catch (refusal) {
    told.textContent = refusal.message;
    const said = item.querySelector(".refusal") ?? document.createElement("p");
    said.className = "refusal small";
    said.textContent = refusal.message;
    form.append(said);
  } finally {
    for (const each of buttons) each.disabled = false;
  }
}

pictures?.addEventListener("submit", (event) => {
  event.preventDefault();
  send(event.target, event.submitter);
});

// It tells of itself only, so this listens on the way down.
pictures?.addEventListener(
  "toggle",
  ({ target }) => {
    if (!target.open) return;
    const field = target.querySelector("input[name=text]");
    field.value = field.defaultValue;
    field.focus({ preventScroll: true });
    field.select();
    target.querySelector("form").scrollIntoView({ block: "nearest" });
  },
  true,
);

pictures?.addEventListener("keydown", (event) => {
  const details = event.key === "Escape" && event.target.closest("details[open]");
  if (!details) return;
  event.preventDefault();
  details.open = false;
  details.querySelector("summary").focus();
});
