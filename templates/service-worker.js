// Caches the drawing page of a user who is not logged in, with its files, for use offline. Other pages and answers are
// private and never cached. A new version of this script is used at the next start, once no page of the old one is open.
const CACHE = "shell-{{ version }}";
const SHELL = "{{ shell }}";
const FILES = {{ files|safe }};

addEventListener("install", (event) => {
  const requests = FILES.map((url) => new Request(url, { credentials: "omit" }));
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(requests)));
});

addEventListener("activate", (event) => {
  const forget = (names) => Promise.all(names.filter((name) => name !== CACHE).map((name) => caches.delete(name)));
  event.waitUntil(caches.keys().then(forget));
});

addEventListener("fetch", (event) => {
  const { request } = event;
  const isPage = request.mode === "navigate" && request.method === "GET";
  if (!isPage && !FILES.includes(new URL(request.url).pathname)) return;
  const kept = () => caches.open(CACHE).then((cache) => cache.match(isPage ? SHELL : request, { ignoreVary: true }));
  event.respondWith(fetch(request).catch(async (error) => (await kept()) ?? Promise.reject(error)));
});
