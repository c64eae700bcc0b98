import { bindKeys } from "./shortcuts.js";

const field = document.querySelector("#id_text");

bindKeys({
  N: () => {
    field.focus();
    field.select();
  },
});
