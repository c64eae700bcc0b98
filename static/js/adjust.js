import { CropBox } from "./crop-box.js";

const dialog = document.querySelector("#adjust");
const canvas = dialog.querySelector("canvas");
const words = dialog.querySelector(".adjust-words");
const crop = new CropBox(dialog.querySelector("svg"));
const button = (action) => dialog.querySelector(`[data-action=${action}]`);
let picture;
let turn; // Degrees clockwise.

/**
 * Let somebody crop and turn a picture, an ImageBitmap. `onGo({ box, turn })` is called with a box in pixels of the
 * picture as it was given, [x, y, width, height], and the degrees to turn that part clockwise; it may throw what to say.
 * Resolves once the dialog is closed, to what onGo returned, or null where it was given up.
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
  const lies = turn % 180 !== 0;
  const { width, height } = picture;
  [canvas.width, canvas.height] = lies ? [height, width] : [width, height];
  const context = canvas.getContext("2d");
  context.translate(canvas.width / 2, canvas.height / 2);
  context.rotate((turn * Math.PI) / 180);
  context.drawImage(picture, -width / 2, -height / 2);
  crop.reset([canvas.width, canvas.height]);
}

/** Return a box of the turned picture as a box of the picture as it was. */
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
