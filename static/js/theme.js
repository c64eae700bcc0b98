// Applies the chosen theme before the page is painted, to avoid a flash. Modules load too late for that.
(() => {
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const kept = () => {
    try {
      return localStorage.getItem("theme");
    } catch {
      return null; // Storage is blocked: use the system's theme.
    }
  };
  const keep = (theme) => {
    try {
      localStorage.setItem("theme", theme);
    } catch {
      // Storage is blocked: the choice lasts until the page is left.
    }
  };

  const apply = (theme) => {
    root.dataset.theme = theme;
    const bars = document.querySelectorAll("meta[name=theme-color]");
    for (const bar of bars) bar.media = bar.dataset.theme === theme ? "all" : "not all";
  };

  root.classList.add("scripted");
  const theme = kept();
  if (theme === "light" || theme === "dark") apply(theme);

  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-toggle-theme]")) return;
    const current = root.dataset.theme ?? (dark.matches ? "dark" : "light");
    apply(current === "dark" ? "light" : "dark");
    keep(root.dataset.theme);
    root.dispatchEvent(new Event("themechange"));
  });
})();
