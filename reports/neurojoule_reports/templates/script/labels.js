// Names beside their markers, single seeds, and the box that follows the pointer.
function emptyReason(axis) {
  if (!column(axis, state.phase)) return `${axis.label} is not a figure of inference.`;
  const here = arms.filter((arm) => arm.setting === state.setting);
  if (axis.energy && here.some((arm) => arm.ok) && !here.some((arm) => arm.energy_runs)) {
    return "No run here has valid energy; “Measurement quality” says why.";
  }
  return "Nothing to draw: no run that counts has this figure in this setting.";
}
function drawSeeds(layer, list, X, Y, seedX) {
  const shown = new Map(list.map((p) => [p.index, p]));
  for (const seed of seeds) {
    const p = shown.get(seed.arm);
    const x = p && seedX(seed, p);
    if (!(x > 0) || seed.quality === null) continue;
    layer.append(svg("path", {
      class: "seed", d: marker(p.arm.family, 2), fill: colour(p.arm.family),
      transform: `translate(${X(x)} ${Y(seed.quality)})`,
    }));
  }
}
// Labels stand where they hide least: each model tries the ends of its ladder in eight
// directions and takes the place with the least overlap.
function placeLabels(layer, groups, list, X, Y, box) {
  const marks = list.map((p) => ({ model: p.arm.model, cx: X(p.x), cy: Y(p.y) }));
  const taken = marks.map((m) => ({ x: m.cx - 6, y: m.cy - 6, w: 12, h: 12 }));
  for (const group of groups) {
    for (let i = 1; i < group.length; i += 1) {
      for (let t = 0.1; t < 0.95; t += 0.1) {
        const at = (f) => f(i - 1) + t * (f(i) - f(i - 1));
        taken.push({ x: at((j) => X(group[j].x)) - 2, y: at((j) => Y(group[j].y)) - 2, w: 4, h: 4 });
      }
    }
  }
  // A label that stands nearer to another model's marker would name the wrong one.
  const stray = (place, model, own) => {
    const gap = (m) => Math.hypot(Math.max(place.x - m.cx, 0, m.cx - place.x - place.w),
      Math.max(place.y - m.cy, 0, m.cy - place.y - place.h));
    return marks.some((m) => m.model !== model && gap(m) < gap(own)) ? 60 : 0;
  };
  const overlap = (a, b) => Math.max(0, Math.min(a.x + a.w, b.x + b.w) - Math.max(a.x, b.x))
    * Math.max(0, Math.min(a.y + a.h, b.y + b.h) - Math.max(a.y, b.y));
  const outside = (a) => Math.max(0, box.left - a.x) + Math.max(0, a.x + a.w - box.right - 8)
    + Math.max(0, box.top - 8 - a.y) + Math.max(0, a.y + a.h - box.bottom);
  const order = [...groups].sort((a, b) => a[0].arm.model.localeCompare(b[0].arm.model));
  for (const group of order) {
    const text = short(group[0].arm.label, 26);
    const w = text.length * 7 + 2; const h = 14;
    let best = null;
    group.forEach((p, i) => {
      const end = i === group.length - 1 || i === 0 ? 0 : 6;
      const cx = X(p.x); const cy = Y(p.y);
      for (const [dx, dy, cost] of [
        [9, -7, 0], [-w - 9, -7, 2], [-w / 2, -22, 1], [-w / 2, 9, 2], [7, -20, 2], [7, 7, 2],
        [-w - 7, -20, 3], [-w - 7, 7, 3], [16, -34, 8], [16, 22, 8], [-w - 16, -34, 8], [-w - 16, 22, 8],
      ]) {
        const place = { x: cx + dx, y: cy + dy, w, h };
        const bad = taken.reduce((sum, other) => sum + overlap(place, other), 0)
          + 40 * outside(place) + stray(place, p.arm.model, { cx, cy }) + end + cost + (i ? 0 : 1);
        if (!best || bad < best.bad) best = { ...place, bad, cx, cy, far: cost >= 8 };
      }
    });
    taken.push({ x: best.x - 3, y: best.y - 1, w: w + 6, h: h + 2 });
    if (best.far) {
      layer.append(svg("line", {
        class: "leader", x1: best.cx, y1: best.cy, y2: best.y + h / 2,
        x2: best.x > best.cx ? best.x : best.x + w,
      }));
    }
    const label = svg("text", { class: "label", x: best.x, y: best.y + 11 }, text);
    label.style.fill = textColour(group[0].arm.family);
    if (text !== group[0].arm.model) label.append(svg("title", {}, group[0].arm.model));
    layer.append(label);
  }
}
let tooltip = null;
function tip(event, p, axis, task) {
  untip();
  tooltip = html("div", { class: "tip" }, html("b", {}, short(p.arm.arm, 60)),
    `${quality(p.y, task.metric)} (${quality(p.yLow, task.metric)} to ${quality(p.yHigh, task.metric)})`,
    html("br"), `${say(axis, p.x)} (${say(axis, p.xLow)} to ${say(axis, p.xHigh)})`,
    html("br"), `${p.arm.ok} of ${p.arm.runs} runs, ${p.arm.energy_runs} with valid energy`);
  document.body.append(tooltip);
  const left = Math.min(event.pageX + 12, document.documentElement.clientWidth - tooltip.offsetWidth - 8);
  tooltip.style.left = `${Math.max(4, left)}px`;
  tooltip.style.top = `${event.pageY + 14}px`;
}
function untip() { tooltip?.remove(); tooltip = null; }
