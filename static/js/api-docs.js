// Swagger UI knows the dark theme by a class. Not a module, so that the light one does not flash.
(() => {
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const show = () => {
    const theme = root.dataset.theme ?? (dark.matches ? "dark" : "light");
    root.classList.toggle("dark-mode", theme === "dark");
  };
  dark.addEventListener("change", show);
  show();
})();
