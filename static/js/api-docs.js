// Sets Swagger UI's class for the dark theme, and adds the accessible names that it lacks, whenever it renders.
// Not a module: modules load too late to avoid a flash of the light theme.
(() => {
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const show = () => {
    const theme = root.dataset.theme ?? (dark.matches ? "dark" : "light");
    root.classList.toggle("dark-mode", theme === "dark");
  };
  dark.addEventListener("change", show);
  show();

  const each = (selector, fix) => document.querySelectorAll(selector).forEach(fix);
  const nameOf = (field) => field.closest("[data-param-name]")?.dataset.paramName ?? field.closest("tr")?.dataset.propertyName;
  function fix() {
    each("h3.opblock-tag", (title) => title.setAttribute("aria-level", "2"));
    each(".opblock-title", (title) => title.setAttribute("aria-level", "3"));
    each(".information-container", (about) => {
      about.setAttribute("role", "region");
      about.setAttribute("aria-label", "About the API");
    });
    each(".opblock-body :is(select, textarea, input[type=file]):not([aria-label])", (field) =>
      field.setAttribute("aria-label", nameOf(field) ?? (field.tagName === "TEXTAREA" ? "Request body" : "Choice")),
    );
    // Untick "Send empty value", which is ticked by default: an empty parameter is then left out.
    each(".parameter__empty_value_toggle input:checked:not([data-seen])", (box) => {
      box.dataset.seen = "";
      box.click();
    });
    each("pre.microlight:not([tabindex])", (example) => example.setAttribute("tabindex", "0"));
    each(".responses-table[role=region], table.live-responses-table", (table) =>
      table.setAttribute("aria-label", table.id || "Response"),
    );
  }
  addEventListener("DOMContentLoaded", () => {
    new MutationObserver(fix).observe(document.querySelector("#swagger-ui"), { childList: true, subtree: true });
  });
})();
