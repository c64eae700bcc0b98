// Loaded before the page is painted, so that a theme chosen earlier does not flash. Not a module for that reason.
(() => {
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const kept = () => {
    try {
      return localStorage.getItem("theme");
    } catch {
      return null; // Storage may be forbidden; the system's choice holds then.
    }
  };
  const keep = (theme) => {
    try {
      localStorage.setItem("theme", theme);
    } catch {
      // The choice lasts as long as the page.
    }
  };

  root.classList.add("scripted");
  const theme = kept();
  if (theme === "light" || theme === "dark") root.dataset.theme = theme;

  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-toggle-theme]")) return;
    const current = root.dataset.theme ?? (dark.matches ? "dark" : "light");
    root.dataset.theme = current === "dark" ? "light" : "dark";
    keep(root.dataset.theme);
    root.dispatchEvent(new Event("themechange"));
  });
})();
