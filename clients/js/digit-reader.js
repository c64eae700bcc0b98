import { OPERATIONS } from "./operations.js";

const BUSY = [429, 502, 503, 504];
const LONGEST_PAUSE = 30_000; // ms
const POLL = 1000; // ms
const wait = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

/** The site refused a call. `code` is one of docs/api.md; `status` is the HTTP status. */
export class Refused extends Error {
  constructor(status, { code = "error", detail, ...fields } = {}) {
    super(`${detail ?? JSON.stringify(fields)} (${code})`);
    Object.assign(this, { status, code });
  }
}

/** Sends pictures to a digit reader. Pictures are Blobs; Node's `openAsBlob` opens a file as one. */
export class DigitReader {
  constructor(address, token, { retries = 5 } = {}) {
    Object.assign(this, { address, token, retries });
  }

  /** Read a picture and store it. */
  read(image) {
    return this.call("predictions_create", { form: [["image", image]] });
  }

  /** Read a picture and store nothing. */
  preview(image) {
    return this.call("predictions_preview_create", { form: [["image", image]] });
  }

  /** Correct a prediction; the same text confirms it. */
  flag(id, text) {
    return this.call("predictions_flag_create", { path: { id }, json: { text } });
  }

  /** Read pictures as one batch, and return the results in the same order. `onProgress` gets the batch each second. */
  async readMany(images, { onProgress = () => {} } = {}) {
    let batch = await this.call("batches_create", { form: images.map((image) => ["images", image]) });
    while (["queued", "running"].includes(batch.state)) {
      await wait(POLL);
      batch = await this.call("batches_retrieve", { path: { id: batch.id } });
      onProgress(batch);
    }
    if (batch.state !== "done") throw new Error(batch.error || batch.words);
    const lines = await this.call("batches_results_retrieve", { path: { id: batch.id } });
    return lines.split("\n").filter(Boolean).map((line) => JSON.parse(line));
  }

  /**
   * Make any call of the API by its operation id in the schema, and return the answer. A failed call is repeated, but
   * stored once. Throws Refused.
   */
  async call(name, { path = {}, query = {}, form, json } = {}) {
    const [method, template] = OPERATIONS[name];
    const url = new URL(template.replace(/{(\w+)}/g, (_, field) => encodeURIComponent(path[field])), this.address);
    url.search = new URLSearchParams(query);
    const headers = { Authorization: `Bearer ${this.token}`, Accept: "application/json" };
    if (method === "POST") headers["Idempotency-Key"] = crypto.randomUUID();
    if (json) headers["Content-Type"] = "application/json";
    const body = json ? JSON.stringify(json) : form && formOf(form);
    const response = await this.#send(url, { method, headers, body });
    const isJSON = response.headers.get("Content-Type")?.startsWith("application/json");
    const answer = response.status === 204 ? null : await (isJSON ? response.json() : response.text());
    if (!response.ok) throw new Refused(response.status, isJSON ? answer : {});
    return answer;
  }

  async #send(url, call) {
    for (let attempt = 0; ; attempt++) {
      const last = attempt >= this.retries;
      const response = await fetch(url, call).catch((error) => (last ? Promise.reject(error) : null));
      if (response && (last || !BUSY.includes(response.status))) return response;
      await response?.body?.cancel();
      const said = Number(response?.headers.get("Retry-After")) * 1000;
      await wait(Math.min(said || 500 * 2 ** attempt * (0.5 + Math.random() / 2), LONGEST_PAUSE));
    }
  }
}

function formOf(fields) {
  const form = new FormData();
  // Names within a batch must differ.
  fields.forEach(([name, file], place) => form.append(name, file, file.name || `picture ${place + 1}`));
  return form;
}
