/** Buttons that copy the text of an element; hidden if the browser cannot. */
import { gettext } from "./words.js";

for (const button of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) continue; // Missing on plain HTTP, except on localhost.
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
