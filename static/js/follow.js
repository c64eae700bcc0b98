/**
 * Poll an address each second, and reload the page when the work has ended.
 *
 * @param {string} url answers with JSON.
 * @param {(state: object) => boolean} show shows the state, and returns whether to continue.
 * @param {() => void} gone is called if the address answers 404.
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
      // The site is unreachable; try again.
    }
    setTimeout(look, 1000);
  }

  setTimeout(look, 500);
}
