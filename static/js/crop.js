/** Read a part of a stored picture as a new prediction. */
import { adjust } from "./adjust.js";
import { sendJSON } from "./api.js";

const button = document.querySelector("#crop");
button.hidden = false;
button.addEventListener("click", async () => {
  const response = await fetch(button.dataset.imageUrl);
  if (!response.ok) return location.reload();
  const picture = await createImageBitmap(await response.blob());
  const made = await adjust(picture, (part) => sendJSON(button.dataset.cropUrl, part));
  if (made) location.assign(button.dataset.pageUrl.replace("0", made.id));
});
