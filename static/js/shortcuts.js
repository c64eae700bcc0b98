const WRITING = "input:not([type=range], [type=checkbox]), textarea, select, [contenteditable]";
const ENTERABLE = `${WRITING}, a, button, summary, input:not([type=range])`;

const DIGITS = "input[data-digits]";

/**
 * Bind keys, such as "Ctrl+Shift+Z" or "Escape", to actions, on the whole page or in one element. Ctrl is ⌘ on a Mac.
 * Keys typed into a field trigger nothing, except letters other than X in a field for digits. Escape leaves a field.
 * Enter keeps its meaning on links and buttons.
 */
export function bindKeys(actions, where = document) {
  where.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing || event.altKey) return;
    const target = event.target instanceof Element ? event.target : document.body;
    const key = event.key.length === 1 ? event.key.toUpperCase() : event.key;
    const held = [(event.ctrlKey || event.metaKey) && "Ctrl", event.shiftKey && "Shift", key];
    if (key === "Escape" && target.matches(WRITING)) target.blur();
    const name = held.filter(Boolean).join("+");
    const letter = /^[A-WYZ]$/.test(name);
    if (target.closest(key === "Enter" ? ENTERABLE : WRITING) && !(letter && target.matches(DIGITS))) return;
    const action = actions[name];
    if (!action) return;
    event.preventDefault();
    action();
  });
}
