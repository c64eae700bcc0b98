// Swagger UI knows the dark theme by a class. Not a module, so that the light one does not flash.
// What it leaves without a name for who cannot see it gets one here, whenever it draws something.
(() => {
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const show = () => {
    const theme = root.dataset.theme ?? (dark.matches ? "dark" : "light");
    root.classList.toggle("dark-mode", theme === "dark");
  };
  dark.addEventListener("change", show);
  show();

  const each = (selector, mend) => document.querySelectorAll(selector).forEach(mend);
  const nameOf = (field) => field.closest("[data-param-name]")?.dataset.paramName ?? field.closest("tr")?.dataset.propertyName;
  function mend() {
    each("h3.opblock-tag", (title) => title.setAttribute("aria-level", "2"));
    each(".opblock-title", (title) => title.setAttribute("aria-level", "3"));
    each(".information-container", (about) => {
      about.setAttribute("role", "region");
      about.setAttribute("aria-label", "About the API");
    });
    each(".opblock-body :is(select, textarea, input[type=file]):not([aria-label])", (field) =>
      field.setAttribute("aria-label", nameOf(field) ?? (field.tagName === "TEXTAREA" ? "Request body" : "Choice")),
    );
    // What is left empty is left out; ticked, as it comes, it would be sent as an empty word.
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
    new MutationObserver(mend).observe(document.querySelector("#swagger-ui"), { childList: true, subtree: true });
  });
})();
