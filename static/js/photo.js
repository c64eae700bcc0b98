/** Prepares photos for sending: upright, and no larger than needed for reading. */
const LONGEST_SIDE = 3000; // Pixels: 250 dpi of an A4 page.
const LARGE_FILE = 1024 * 1024; // Bytes: smaller files are sent as they are.
const QUALITY = 0.9;

/** Return a picture upright as an ImageBitmap, or null if this browser cannot decode it. */
export async function decode(file) {
  try {
    return await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch {
    return null;
  }
}

/** Return a large photo as a smaller JPEG, any other file unchanged. `onWork()` is called before shrinking. */
export async function shrink(file, onWork) {
  if (file.size <= LARGE_FILE || file.type === "image/gif") return file;
  onWork();
  const picture = await decode(file);
  if (!picture) return file;
  const scale = LONGEST_SIDE / Math.max(picture.width, picture.height);
  const smaller = scale < 1 ? await jpeg(picture, { box: [0, 0, picture.width, picture.height], turn: 0 }, scale) : file;
  picture.close();
  return smaller.size < file.size ? named(smaller, file.name) : file;
}

/** Return a part of a picture as a JPEG file. part: {box: [x, y, width, height], turn: degrees clockwise}. */
export async function cut(picture, part, name) {
  const scale = Math.min(1, LONGEST_SIDE / Math.max(part.box[2], part.box[3]));
  return named(await jpeg(picture, part, scale), name);
}

function jpeg(picture, { box: [x, y, width, height], turn }, scale) {
  const [across, down] = [width * scale, height * scale];
  const size = turn % 180 ? [down, across] : [across, down];
  const canvas = new OffscreenCanvas(...size.map((side) => Math.max(1, Math.round(side))));
  const context = canvas.getContext("2d");
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.translate(canvas.width / 2, canvas.height / 2);
  context.rotate((turn * Math.PI) / 180);
  context.imageSmoothingQuality = "high";
  context.drawImage(picture, x, y, width, height, -across / 2, -down / 2, across, down);
  return canvas.convertToBlob({ type: "image/jpeg", quality: QUALITY });
}

function named(blob, name) {
  return new File([blob], name.replace(/\.[^.]*$/, "") + ".jpg", { type: blob.type });
}
