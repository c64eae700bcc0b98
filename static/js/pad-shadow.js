/** Markup and style of <digit-pad>, without its texts, which depend on the language. */
export const SHADOW = `
<div class="sheet" part="sheet">
  <canvas tabindex="0" role="application" aria-describedby="keys"></canvas>
  <svg class="marks" aria-hidden="true" preserveAspectRatio="xMinYMin meet"></svg>
  <div class="hint" aria-hidden="true">
    <svg viewBox="0 0 120 56"><path d="M12 16c4-3 8-6 11-9 0 14-1 27-1 41M52 15c3-8 20-9 20 2 0 10-16 19-22 29 8-1 16-2 25-1M93 10c7-5 20-2 18 6-1 6-8 9-13 9 7 0 16 3 15 12-2 10-16 13-22 6"/></svg>
    <span></span>
  </div>
  <p id="keys" hidden></p>
</div>
<div class="row">
  <input part="field" inputmode="numeric" autocomplete="off">
  <button type="button" part="button" data-action="undo"></button>
  <button type="button" part="button" data-action="clear"></button>
</div>
<p class="status" part="status" role="status"></p>
<slot hidden></slot>`;

export const STYLE = new CSSStyleSheet();
STYLE.replaceSync(`
*, :host { box-sizing: border-box; }
:host {
  --pad-ink: var(--digit-pad-ink, FieldText);
  --pad-paper: var(--digit-pad-paper, Field);
  --pad-edge: var(--digit-pad-edge, light-dark(#767676, #8d8d8d));
  --pad-faint: var(--digit-pad-faint, light-dark(#5f5f5f, #a8a8a8));
  --pad-accent: var(--digit-pad-accent, light-dark(#2c46c8, #aab8ff));
  display: block;
  max-width: 30rem;
}
:host([bare]) { max-width: none; }
:host([hidden]), [hidden] { display: none !important; }
:host(:disabled) { opacity: 0.5; pointer-events: none; }
.sheet { position: relative; height: 10rem; background: var(--pad-paper); border: 1px solid var(--pad-edge); border-radius: 0.75rem; overflow: hidden; }
:host([bare]) .sheet { height: 100%; }
:host([bare]) :is(.row, .status) { display: none; }
.sheet:has(canvas:focus-visible), :is(input, button):focus-visible { outline: 3px solid var(--pad-accent); outline-offset: 2px; }
canvas {
  display: block;
  width: 100%;
  height: 100%;
  color: var(--pad-ink);
  cursor: crosshair;
  outline: none;
  touch-action: none;
  user-select: none;
  -webkit-user-select: none;
  -webkit-touch-callout: none;
}
.erases canvas { cursor: cell; }
.marks { position: absolute; inset: 0; width: 100%; height: 100%; pointer-events: none; }
.marks rect { fill: none; stroke: var(--pad-accent); stroke-width: 2; vector-effect: non-scaling-stroke; }
.marks text { font-size: 15px; font-weight: 650; fill: var(--pad-accent); paint-order: stroke; stroke: var(--pad-paper); stroke-width: 3px; }
.stale .marks { opacity: 0.4; }
.crosshair { fill: none; stroke: var(--pad-accent); stroke-width: 2; }
.crosshair.down { fill: var(--pad-accent); }
.hint { position: absolute; inset: 0; display: grid; place-content: center; justify-items: center; gap: 0.5rem; color: var(--pad-faint); pointer-events: none; text-align: center; }
.hint svg { width: 9rem; max-width: 60%; fill: none; stroke: currentcolor; opacity: 0.35; stroke-width: 4; stroke-linecap: round; stroke-linejoin: round; }
.has-ink .hint { display: none; }
.row { display: flex; gap: 0.5rem; margin-top: 0.5rem; }
.row > * { font: inherit; min-height: 2.75rem; padding: 0 0.85rem; color: var(--pad-ink); background: var(--pad-paper); border: 1px solid var(--pad-edge); border-radius: 0.75rem; }
input { flex: 1; min-width: 0; font-variant-numeric: tabular-nums; }
button:enabled { cursor: pointer; }
button:disabled { opacity: 0.5; }
.status { margin: 0.35rem 0 0; min-height: 1.55em; font-size: 0.875em; color: var(--pad-faint); }
.status.told { opacity: 0; }
`);
