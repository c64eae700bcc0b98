/** Follow a run: say where it is, and load the page anew once it has ended. */
const section = document.querySelector("[data-progress-url]");
const words = section.querySelector(".words");
const bar = section.querySelector("progress");
const chart = section.querySelector(".chart");

async function look() {
  try {
    const response = await fetch(section.dataset.progressUrl, { headers: { Accept: "application/json" } });
    if (response.ok) show(await response.json());
  } catch {
    // The site is away for a moment; the next look will tell.
  }
  setTimeout(look, 1000);
}

function show(told) {
  if (!told.active) {
    location.reload();
    return;
  }
  if (words.textContent !== told.words) words.textContent = told.words;
  bar.value = told.share;
  chart.hidden = !told.points;
  chart.querySelector("polyline").setAttribute("points", told.points);
}

setTimeout(look, 500);
