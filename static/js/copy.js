/** Buttons that copy the text they name; shown only where the browser can. */
import { gettext } from "./words.js";

for (const button of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) continue; // Plain HTTP has none, apart from this machine.
  const words = button.textContent;
  button.hidden = false;
  button.addEventListener("click", async () => {
    const text = document.getElementById(button.dataset.copy).textContent.trim();
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = gettext("Copied");
    } catch {
      button.textContent = gettext("Not allowed");
    }
    setTimeout(() => (button.textContent = words), 2000);
  });
}
