/** Buttons that copy the text they name; shown only where the browser can. */
for (const button of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) continue; // Plain HTTP has none, apart from this machine.
  button.hidden = false;
  button.addEventListener("click", async () => {
    const text = document.getElementById(button.dataset.copy).textContent.trim();
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Not allowed";
    }
    setTimeout(() => (button.textContent = "Copy"), 2000);
  });
}
