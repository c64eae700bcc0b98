/** Follow a batch: say how far it is, and load the page anew once it has ended. */
const section = document.querySelector("[data-batch-url]");
const words = section.querySelector(".words");
const state = section.querySelector(".state");
const bar = section.querySelector("progress");
const ACTIVE = { queued: "Queued", running: "Running" };

async function look() {
  try {
    const response = await fetch(section.dataset.batchUrl, { headers: { Accept: "application/json" } });
    if (response.ok) show(await response.json());
  } catch {
    // The site is away for a moment; the next look will tell.
  }
  setTimeout(look, 1000);
}

function show(batch) {
  if (!ACTIVE[batch.state]) {
    location.reload();
    return;
  }
  state.textContent = ACTIVE[batch.state];
  if (words.textContent !== batch.words) words.textContent = batch.words;
  bar.value = batch.read + batch.refused;
}

setTimeout(look, 500);
