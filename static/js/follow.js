/**
 * Ask again and again how something is, and load the page anew once it has ended.
 *
 * @param {string} url answers with JSON.
 * @param {(told: object) => boolean} show shows it, and returns whether it goes on.
 * @param {() => void} gone is called where it is no longer there.
 */
export function follow(url, show, gone = () => location.reload()) {
  async function look() {
    try {
      const response = await fetch(url, { headers: { Accept: "application/json" } });
      if (response.status === 404) {
        gone();
        return;
      }
      if (response.ok && !show(await response.json())) {
        location.reload();
        return;
      }
    } catch {
      // The site is away for a moment; the next look will tell.
    }
    setTimeout(look, 1000);
  }

  setTimeout(look, 500);
}
