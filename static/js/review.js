import { bindKeys } from "./shortcuts.js";

const queue = document.querySelector("#queue");
let busy = false;

/** Put the next claim in place of this one. A page that cannot be had is told in words. */
async function show(address, options = {}) {
  if (busy) return;
  busy = true;
  try {
    const response = await fetch(address, { ...options, headers: { "X-Fragment": "claim" } });
    if (!response.ok || response.redirected) throw new Error(`status ${response.status}`);
    queue.innerHTML = await response.text();
  } catch {
    queue.querySelector(".said").textContent = "That did not reach the site. Check your connection, or reload the page.";
  } finally {
    busy = false;
  }
}

queue.addEventListener("submit", (event) => {
  event.preventDefault();
  const form = event.target;
  const body = new FormData(form, event.submitter);
  show(form.action, { method: "POST", body });
});
queue.addEventListener("click", (event) => {
  const link = event.target.closest("[data-skip]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  show(link.href);
});

const press = (selector) => () => queue.querySelector(selector)?.click();
bindKeys({
  A: press("[value=approve]"),
  R: press("[value=reject]"),
  U: press("[value=undo]"),
  L: press("[data-skip]"),
  E: () => {
    const boxes = queue.querySelector(".boxes");
    if (!boxes) return;
    boxes.open = true;
    boxes.querySelector("input").select();
  },
});
