import { CropBox } from "./crop-box.js";

const dialog = document.querySelector("#adjust");
const canvas = dialog.querySelector("canvas");
const words = dialog.querySelector(".adjust-words");
const crop = new CropBox(dialog.querySelector("svg"));
const button = (action) => dialog.querySelector(`[data-action=${action}]`);
let picture;
let turn; // Degrees clockwise.

/**
 * Let the user crop and turn a picture, an ImageBitmap. `onGo({ box, turn })` gets the box [x, y, width, height] in
 * pixels of the original picture and the degrees to turn it clockwise; the message of an error it throws is shown.
 * Resolves when the dialog is closed: to the result of onGo, or null if cancelled.
 */
export function adjust(bitmap, onGo) {
  picture = bitmap;
  turn = 0;
  words.textContent = "";
  paint();
  dialog.showModal();
  return new Promise((resolve) => {
    let answer = null;
    button("go").onclick = async () => {
      button("go").disabled = true;
      try {
        answer = await onGo({ box: unturned(crop.box), turn });
        dialog.close();
      } catch (refusal) {
        words.textContent = refusal.message;
      } finally {
        button("go").disabled = false;
      }
    };
    dialog.onclose = () => resolve(answer);
  });
}

function paint() {
  const isOnItsSide = turn % 180 !== 0;
  const { width, height } = picture;
  [canvas.width, canvas.height] = isOnItsSide ? [height, width] : [width, height];
  const context = canvas.getContext("2d");
  context.translate(canvas.width / 2, canvas.height / 2);
  context.rotate((turn * Math.PI) / 180);
  context.drawImage(picture, -width / 2, -height / 2);
  crop.reset([canvas.width, canvas.height]);
}

/** Convert a box of the turned picture to a box of the original. */
function unturned(box) {
  let [width, height] = [canvas.width, canvas.height];
  for (let turned = turn; turned > 0; turned -= 90) {
    const [x, y, across, down] = box;
    box = [y, width - x - across, down, across];
    [width, height] = [height, width];
  }
  return box;
}

button("turn").addEventListener("click", () => {
  turn = (turn + 90) % 360;
  paint();
});
button("cancel").addEventListener("click", () => dialog.close());
