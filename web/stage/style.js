/** The look of a stage, inside its shadow root; ComfyUI's own variables where there are any. */
export const STYLE = `
:host { display: flex; flex-direction: column; gap: 4px; width: 100%; height: 100%;
  box-sizing: border-box; font: 12px sans-serif; color: var(--input-text, #ddd); position: relative; }
canvas { flex: 1 1 auto; width: 100%; height: 0; min-height: 150px; touch-action: none; border-radius: 4px;
  background: var(--comfy-input-bg, #222); outline-offset: -2px; display: block; }
canvas:focus-visible { outline: 2px solid #4aa8ff; }
[hidden] { display: none !important; }
.alarm { color: #ff6b6b; opacity: 1; }
p { position: absolute; top: 6px; left: 8px; right: 8px; margin: 0; pointer-events: none;
  text-shadow: 0 0 3px #000, 0 0 3px #000; color: #fff; }
.bar { display: flex; flex-direction: column; gap: 3px; }
.row { display: flex; gap: 3px; }
button, select, input { font: inherit; color: inherit; background: var(--comfy-input-bg, #333); min-height: 24px;
  border: 1px solid var(--border-color, #555); border-radius: 4px; min-width: 24px; padding: 0 3px; }
select, input { flex: 1 1 0; width: 0; min-width: 40px; }
button { flex: 0 0 auto; cursor: pointer; }
button[aria-pressed=true] { background: #2a6db0; color: #fff; }
button:disabled, select:disabled, input:disabled { opacity: 0.4; }
output { white-space: nowrap; overflow: hidden; text-overflow: ellipsis; min-height: 15px; opacity: 0.8; }
@media (pointer: coarse) { button, select { min-height: 44px; min-width: 44px; } .row { flex-wrap: wrap; } }
`
