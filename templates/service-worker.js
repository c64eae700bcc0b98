// Caches the drawing page of a user who is not logged in, with its files, for use offline. Other pages and answers are
// private and never cached. A new version of this script is used at the next start, once no page of the old one is open.
const CACHE = "shell-{{ version }}";
const SHELLS = {{ shells|safe }};
const FILES = {{ files|safe }};

// The language of the page seen last, which is the one that the user chose.
const LANGUAGE = "language";

addEventListener("install", (event) => {
  const requests = FILES.map((url) => new Request(url, { credentials: "omit" }));
  const cached = caches.open(CACHE).then((cache) => cache.addAll(requests));
  event.waitUntil(Promise.all([cached, fetch("{% url 'draw' %}", { method: "HEAD" }).then(noteLanguage)]));
});

addEventListener("activate", (event) => {
  const old = (name) => ![CACHE, LANGUAGE].includes(name);
  event.waitUntil(caches.keys().then((names) => Promise.all(names.filter(old).map((name) => caches.delete(name)))));
});

addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.mode === "navigate" && request.method === "GET") event.respondWith(openPage(event));
  else if (FILES.includes(new URL(request.url).pathname)) event.respondWith(openFile(request));
});

async function openPage(event) {
  try {
    const answer = await fetch(event.request);
    event.waitUntil(noteLanguage(answer));
    return answer;
  } catch (error) {
    return (await cached(SHELLS[await notedLanguage()])) ?? Promise.reject(error);
  }
}

async function openFile(request) {
  try {
    return await fetch(request);
  } catch (error) {
    return (await cached(request)) ?? Promise.reject(error);
  }
}

async function cached(request) {
  return (await caches.open(CACHE)).match(request, { ignoreVary: true });
}

async function noteLanguage({ headers }) {
  const language = headers.get("Content-Language");
  if (language in SHELLS) await (await caches.open(LANGUAGE)).put(LANGUAGE, new Response(language));
}

async function notedLanguage() {
  const noted = await (await caches.open(LANGUAGE)).match(LANGUAGE);
  return noted ? noted.text() : Object.keys(SHELLS)[0];
}
