// Boxes on a picture by mouse, finger or keyboard; the number fields beside it always say the same.
// Without this file the fields alone do it.
"use strict";
(() => {
  const form = document.querySelector("[data-redact]");
  if (!form) return;
  const canvas = form.querySelector("[data-canvas]");
  const layer = form.querySelector("[data-boxes]");
  const rows = form.querySelector("[data-rows]");
  const [W, H] = [canvas.viewBox.baseVal.width, canvas.viewBox.baseVal.height];
  const LEAST = 3;
  const SIDES = ["left", "top", "width", "height"];
  const blank = rows.querySelector("[data-area]").cloneNode(true);
  const areas = new Map(); // fieldset → rect
  let last = 0;

  const fields = (area) => SIDES.map((side) => area.querySelector(`[name^="${side}-"]`));
  const clamp = (value, least, most) => Math.max(least, Math.min(most, Math.round(value)));
  const read = (area) => fields(area).map((one) => Number(one.value) || 0);
  const fit = ([x, y, w, h]) => {
    const width = clamp(w, 1, W), height = clamp(h, 1, H);
    return [clamp(x, 0, W - width), clamp(y, 0, H - height), width, height];
  };

  function draw(area) {
    const [x, y, w, h] = read(area);
    const rect = areas.get(area);
    Object.entries({ x, y, width: Math.max(0, w), height: Math.max(0, h) }).forEach(([name, value]) => rect.setAttribute(name, value));
    rect.setAttribute("aria-label", `${area.querySelector("legend").textContent}：左 ${x} 上 ${y} 宽 ${w} 高 ${h}`);
  }
  function set(area, values) {
    fields(area).forEach((one, n) => { one.value = values[n]; });
    draw(area);
  }
  function number() {
    [...areas.keys()].forEach((area, n) => {
      area.querySelector("legend").textContent = `区域 ${n + 1}`;
      draw(area);
    });
  }
  function add(values, area = null) {
    last += 1;
    const fresh = area || rows.appendChild(blank.cloneNode(true));
    fields(fresh).forEach((one, n) => { one.name = `${SIDES[n]}-${last}`; one.removeAttribute("aria-invalid"); });
    const rect = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    rect.setAttribute("tabindex", "0");
    rect.setAttribute("role", "img");
    layer.append(rect);
    areas.set(fresh, rect);
    const drop = fresh.querySelector("[data-drop]");
    drop.hidden = false;
    drop.addEventListener("click", () => remove(fresh));
    fresh.addEventListener("input", () => draw(fresh));
    fresh.addEventListener("change", () => set(fresh, fit(read(fresh))));
    set(fresh, values);
    number();
    return fresh;
  }
  function remove(area) {
    areas.get(area).remove();
    areas.delete(area);
    area.remove();
    number();
    const left = [...areas.values()].pop();
    (left || form.querySelector("[data-add]")).focus();
  }
  const areaOf = (rect) => [...areas].find(([, one]) => one === rect)?.[0];

  const place = (event) => {
    const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(canvas.getScreenCTM().inverse());
    return [clamp(point.x, 0, W), clamp(point.y, 0, H)];
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    event.preventDefault();
    canvas.setPointerCapture(event.pointerId);
    const [fromX, fromY] = place(event);
    const old = areaOf(event.target);
    const began = old ? read(old) : null;
    const area = old || add([fromX, fromY, 0, 0]);
    areas.get(area).focus({ preventScroll: true });
    const move = (moved) => {
      const [x, y] = place(moved);
      if (began) set(area, fit([began[0] + x - fromX, began[1] + y - fromY, began[2], began[3]]));
      else set(area, [Math.min(x, fromX), Math.min(y, fromY), Math.abs(x - fromX), Math.abs(y - fromY)]);
    };
    const end = () => {
      canvas.removeEventListener("pointermove", move);
      canvas.removeEventListener("pointerup", end);
      canvas.removeEventListener("pointercancel", end);
      const [, , w, h] = read(area);
      if (!began && (w < LEAST || h < LEAST)) remove(area);
    };
    canvas.addEventListener("pointermove", move);
    canvas.addEventListener("pointerup", end);
    canvas.addEventListener("pointercancel", end);
  });

  const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  canvas.addEventListener("keydown", (event) => {
    const area = areaOf(event.target);
    if (!area || event.isComposing) return;
    if (event.key === "Delete" || event.key === "Backspace") { event.preventDefault(); remove(area); return; }
    const step = STEPS[event.key];
    if (!step || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const far = event.altKey ? 1 : Math.max(1, Math.round(Math.max(W, H) / 100));
    const [x, y, w, h] = read(area);
    const [dx, dy] = [step[0] * far, step[1] * far];
    set(area, fit(event.shiftKey ? [x, y, w + dx, h + dy] : [x + dx, y + dy, w, h]));
  });

  form.querySelector("[data-add]").addEventListener("click", () => {
    const area = add(fit([W / 4, H / 4, W / 4, H / 8]));
    areas.get(area).focus();
  });
  for (const one of form.querySelectorAll("[data-hint], [data-add]")) one.hidden = false;
  for (const one of form.querySelectorAll("[data-plain]")) one.hidden = true;
  form.querySelector("[data-grid]").remove();
  layer.replaceChildren();
  fields(blank).forEach((one) => { one.value = ""; });
  for (const area of [...rows.querySelectorAll("[data-area]")]) {
    if (fields(area).some((one) => one.value)) add(read(area), area);
    else area.remove();
  }
  canvas.classList.add("live");
})();
