/** Calls of the API. A failed call throws Refusal with a message for people. */
import * as ours from "./words.js";

export class Refusal extends Error {
  constructor(sentence, status = 0, code = "", wait = 0) {
    super(sentence);
    this.status = status;
    this.code = code;
    this.wait = wait; // Seconds, where the site says how many.
  }

  /** Whether the same call may succeed later. */
  get mayPass() {
    return this.status === 0 || this.status === 408 || this.status === 429 || this.status >= 500;
  }
}

const TIMEOUT = 30_000; // ms without progress
const sentences = ({ gettext }) => ({
  401: gettext("You are logged out. Reload the page and log in again."),
  403: gettext("This page is out of date. Reload it and try again."),
  404: gettext("This no longer exists."),
  413: gettext("The image is larger than 10 MB. Send a smaller one."),
});

function unreachable({ gettext } = ours) {
  return new Refusal(
    navigator.onLine
      ? gettext("The site cannot be reached. Check your connection and try again.")
      : gettext("You are offline. Nothing is lost. Try again when you are connected."),
  );
}

function tooSlow({ gettext } = ours) {
  return new Refusal(gettext("The connection or the site is too slow. Try again."));
}

/** Return a new Idempotency-Key: a picture sent several times with it is stored once. */
export function newKey() {
  // crypto.randomUUID exists on HTTPS only.
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function csrfToken() {
  return document.cookie.match(/(?:^|; )csrftoken=([^;]*)/)?.[1] ?? "";
}

function refusal(status, body, { words = ours, wait } = {}) {
  const sentence = sentences(words)[status];
  if (sentence && !(status === 413 && body?.detail)) return new Refusal(sentence, status);
  return new Refusal(body?.detail ?? words.gettext("Something went wrong here. Try again in a moment."), status, body?.code, wait);
}

function form(picture, source) {
  const data = new FormData();
  data.append("image", picture, picture.name ?? "drawing.png");
  data.append("source", source);
  return data;
}

/**
 * POST a picture and return the reading. With a token, cookies are omitted. Throws Refusal, or AbortError if the signal
 * aborts. words: texts in the language of refusals, by default the page's.
 */
export function send(url, picture, source, { signal, key, token, words } = {}) {
  return fetchJSON(url, form(picture, source), key ? { "Idempotency-Key": key } : {}, signal, token, words);
}

/** POST an object and return the answer. Throws Refusal. */
export function sendJSON(url, object) {
  return fetchJSON(url, JSON.stringify(object), { "Content-Type": "application/json" });
}

/** POST a form and ignore the answer's body. It is sent even if the page is closed meanwhile. Throws Refusal. */
export async function sendForm(url, data) {
  const headers = { "X-CSRFToken": csrfToken(), Accept: "application/json" };
  const response = await fetch(url, { method: "POST", headers, body: data, keepalive: true }).catch(() => {
    throw unreachable();
  });
  if (!response.ok) throw refusal(response.status, null);
}

async function fetchJSON(url, body, headers, signal, token, words = ours) {
  const slow = new AbortController();
  const timer = setTimeout(() => slow.abort(), TIMEOUT);
  signal?.addEventListener("abort", () => slow.abort());
  let response;
  try {
    const proof = token ? { Authorization: `Bearer ${token}` } : { "X-CSRFToken": csrfToken() };
    const credentials = token ? "omit" : "same-origin";
    headers = { Accept: "application/json", "Accept-Language": words.language, ...proof, ...headers };
    response = await fetch(url, { method: "POST", headers, body, credentials, signal: slow.signal });
  } catch (error) {
    signal?.throwIfAborted();
    throw error.name === "AbortError" ? tooSlow(words) : unreachable(words);
  } finally {
    clearTimeout(timer);
  }
  const answer = await response.json().catch(() => null);
  signal?.throwIfAborted();
  if (response.ok && answer !== null) return answer;
  // Some sentences are about sessions, which calls with a token do not have.
  throw token && answer ? new Refusal(answer.detail, response.status, answer.code) : refusal(response.status, answer, { words });
}

/** POST a picture and return the prediction. onProgress gets the share sent, 0 to 1. Throws Refusal. */
export function sendWithProgress(url, picture, source, key, onProgress) {
  return post(url, form(picture, source), onProgress, { "Idempotency-Key": key });
}

/** POST a batch, a zip as "archive" or files as "images", and return it. Repeated with the same key it is stored once. */
export function sendMany(url, field, files, key, onProgress, sender = "page") {
  const data = new FormData();
  for (const file of files) data.append(field, file, file.name);
  return post(url, data, onProgress, { "X-Sent-By": sender, "Idempotency-Key": key });
}

/** POST a form by XMLHttpRequest, because fetch reports no upload progress. */
function post(url, data, onProgress, headers = {}) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", url);
    request.setRequestHeader("X-CSRFToken", csrfToken());
    request.setRequestHeader("Accept", "application/json");
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.responseType = "json";
    let timer;
    const wait = () => {
      clearTimeout(timer);
      timer = setTimeout(() => request.abort(), TIMEOUT);
    };
    request.upload.onprogress = (event) => {
      wait();
      if (event.lengthComputable) onProgress(event.loaded / event.total);
    };
    request.onloadend = () => clearTimeout(timer);
    request.onload = () => {
      if (request.status >= 200 && request.status < 300 && request.response) resolve(request.response);
      else reject(refusal(request.status, request.response, { wait: Number(request.getResponseHeader("Retry-After")) }));
    };
    request.onerror = () => reject(unreachable());
    request.onabort = () => reject(tooSlow());
    request.send(data);
    wait();
  });
}
