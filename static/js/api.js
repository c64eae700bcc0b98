/** What the server refused, or why it could not be asked: a sentence for people. */
export class Refusal extends Error {
  constructor(sentence, status = 0) {
    super(sentence);
    this.status = status;
  }
}

const UNREACHABLE = "The site cannot be reached. Check your connection and try again.";
const SENTENCES = {
  401: "You are logged out. Reload the page and log in again.",
  403: "This page is out of date. Reload it and try again.",
  404: "This is no longer there.",
  413: "The image is larger than 10 MB. Send a smaller one.",
};

function csrfToken() {
  return document.cookie.match(/(?:^|; )csrftoken=([^;]*)/)?.[1] ?? "";
}

function refusal(status, body) {
  if (SENTENCES[status] && !(status === 413 && body?.detail)) return new Refusal(SENTENCES[status], status);
  return new Refusal(body?.detail ?? "Something went wrong here. Try again in a moment.", status);
}

function form(picture, source) {
  const data = new FormData();
  data.append("image", picture, picture.name ?? "drawing.png");
  data.append("source", source);
  return data;
}

/** POST a picture and return the reading. Throws Refusal, or AbortError where the signal says so. */
export async function send(url, picture, source, signal) {
  const headers = { "X-CSRFToken": csrfToken(), Accept: "application/json" };
  let response;
  try {
    response = await fetch(url, { method: "POST", headers, body: form(picture, source), signal });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refusal(UNREACHABLE);
  }
  const body = await response.json().catch(() => null);
  signal?.throwIfAborted();
  if (!response.ok || body === null) throw refusal(response.status, body);
  return body;
}

/** The same, telling onProgress the share sent. */
export function sendWithProgress(url, picture, source, onProgress) {
  return post(url, form(picture, source), onProgress);
}

/** POST a batch, a zip as "archive" or files as "images", and return it as it is queued. */
export function sendMany(url, field, files, onProgress) {
  const data = new FormData();
  for (const file of files) data.append(field, file, file.name);
  return post(url, data, onProgress, { "X-Sent-By": "page" });
}

/** POST a form with the share sent told meanwhile, which fetch cannot. */
function post(url, data, onProgress, headers = {}) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", url);
    request.setRequestHeader("X-CSRFToken", csrfToken());
    request.setRequestHeader("Accept", "application/json");
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.responseType = "json";
    request.upload.onprogress = (event) => event.lengthComputable && onProgress(event.loaded / event.total);
    request.onload = () => {
      if (request.status >= 200 && request.status < 300 && request.response) resolve(request.response);
      else reject(refusal(request.status, request.response));
    };
    request.onerror = () => reject(new Refusal(UNREACHABLE));
    request.send(data);
  });
}
