// Keeps the shell: the sheet as nobody sees it, with what it is made of. Pages and answers are private and never kept.
// A new version of this script takes over at the next start, once no page of the one before is open.
const KEPT = "shell-{{ version }}";
const SHELL = "{{ shell }}";
const FILES = {{ files|safe }};

addEventListener("install", (event) => {
  const requests = FILES.map((url) => new Request(url, { credentials: "omit" }));
  event.waitUntil(caches.open(KEPT).then((cache) => cache.addAll(requests)));
});

addEventListener("activate", (event) => {
  const forget = (names) => Promise.all(names.filter((name) => name !== KEPT).map((name) => caches.delete(name)));
  event.waitUntil(caches.keys().then(forget));
});

addEventListener("fetch", (event) => {
  const { request } = event;
  const isPage = request.mode === "navigate" && request.method === "GET";
  if (!isPage && !FILES.includes(new URL(request.url).pathname)) return;
  const kept = () => caches.open(KEPT).then((cache) => cache.match(isPage ? SHELL : request, { ignoreVary: true }));
  event.respondWith(fetch(request).catch(async (error) => (await kept()) ?? Promise.reject(error)));
});
