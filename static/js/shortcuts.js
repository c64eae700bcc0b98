const WRITING = "input:not([type=range]), textarea, select, [contenteditable]";
const ENTERABLE = `${WRITING}, a, button, summary, input`;

/**
 * Bind keys, such as "Ctrl+Shift+Z" or "Escape", to actions. Ctrl is ⌘ on a Mac. Keys do nothing while somebody
 * writes into a field, and Enter does what it always does on links and buttons.
 */
export function bindKeys(actions) {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing || event.altKey) return;
    const target = event.target instanceof Element ? event.target : document.body;
    if (target.closest(event.key === "Enter" ? ENTERABLE : WRITING)) return;
    const key = event.key.length === 1 ? event.key.toUpperCase() : event.key;
    const held = [(event.ctrlKey || event.metaKey) && "Ctrl", event.shiftKey && "Shift", key];
    const action = actions[held.filter(Boolean).join("+")];
    if (!action) return;
    event.preventDefault();
    action();
  });
}
