// Node 18 or newer
import { readFile } from "node:fs/promises";

const form = new FormData();
form.append("image", new Blob([await readFile("digits.png")]), "digits.png");
const response = await fetch("{{ address }}", {
  method: "POST",
  headers: { Authorization: "Bearer {{ token }}" },
  body: form,
});
console.log((await response.json()).text);
