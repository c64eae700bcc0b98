// Node 20 or newer
import { openAsBlob } from "node:fs";

const form = new FormData();
form.append("image", await openAsBlob("digits.png"), "digits.png");
const response = await fetch("{{ address }}", {
  method: "POST",
  headers: { Authorization: "Token {{ token }}" },
  body: form,
});
console.log((await response.json()).text);
