// Elements, markers, and the frame of a figure.

// SVG.
function svg(name, attributes = {}, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}
function html(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}
const polygon = (corners, r, turn) => Array.from({ length: corners }, (_, i) => {
  const angle = turn + (2 * Math.PI * i) / corners;
  return `${(r * Math.sin(angle)).toFixed(2)},${(-r * Math.cos(angle)).toFixed(2)}`;
}).join("L");
const SHAPES = {
  circle: (r) => `M${-r},0a${r},${r} 0 1,0 ${2 * r},0a${r},${r} 0 1,0 ${-2 * r},0Z`,
  triangle: (r) => `M${polygon(3, r * 1.3, 0)}Z`,
  down: (r) => `M${polygon(3, r * 1.3, Math.PI)}Z`,
  square: (r) => `M${polygon(4, r * 1.25, Math.PI / 4)}Z`,
  diamond: (r) => `M${polygon(4, r * 1.35, 0)}Z`,
  pentagon: (r) => `M${polygon(5, r * 1.2, 0)}Z`,
  star: (r) => `M${polygon(10, r, 0).split("L").map((p, i) => (i % 2 ? p
    : p.split(",").map((c) => (1.6 * c).toFixed(2)).join(","))).join("L")}Z`,
  cross: (r) => {
    const a = r * 1.15; const b = r * 0.42;
    return `M${-a},${-a + b}L${-a + b},${-a}L0,${-b}L${a - b},${-a}L${a},${-a + b}L${b},0`
      + `L${a},${a - b}L${a - b},${a}L0,${b}L${-a + b},${a}L${-a},${a - b}L${-b},0Z`;
  },
};
const marker = (family, r) => SHAPES[style(family).marker](r);
function swatch(family) {
  return svg("svg", { viewBox: "-8 -8 16 16", width: 13, height: 13, "aria-hidden": "true" },
    svg("path", { d: marker(family, 5), fill: colour(family) }));
}
const short = (text, most) => {
  const letters = [...text];
  return letters.length > most ? `${letters.slice(0, most - 1).join("")}\u2026` : text;
};

// One figure.
function logTicks(low, high, width) {
  const first = Math.floor(Math.log10(low)); const last = Math.ceil(Math.log10(high));
  if (high / low < 8) return niceTicks(low, high, Math.max(2, Math.floor(width / 80)));
  const steps = last - first > 3 ? [1] : last - first > 1 ? [1, 3] : [1, 2, 5];
  const ticks = [];
  for (let e = first; e <= last; e += 1) {
    for (const s of steps) {
      const tick = s * 10 ** e;
      if (tick >= low * 0.999 && tick <= high * 1.001) ticks.push(Number(tick.toPrecision(3)));
    }
  }
  const room = Math.max(2, Math.floor(width / 58));
  const every = Math.ceil(ticks.length / room);
  return ticks.filter((_, i) => i % every === 0);
}
function niceTicks(low, high, count) {
  const raw = (high - low) / count; const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((s) => s * power).find((s) => s >= raw);
  const ticks = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-6; i += 1) {
    ticks.push(Number((i * step).toPrecision(10)));
  }
  return ticks;
}
// As many decimals as tell the ticks apart; two figures where that would be long.
function tickWords(tick, ticks) {
  const exact = (places) => ticks.every((t) => Math.abs(t - Number(t.toFixed(places))) < 1e-9);
  const places = [0, 1, 2, 3, 4].find(exact);
  return places === undefined ? digits(tick, 2) : tick.toFixed(places).replace("-", "\u2212");
}

// The frame of a figure: axes, grid, levels. Gives the root and the two scales.
function plot(width, { xLow, xHigh, values, task, axis, title, words }) {
  const W = Math.max(280, width); const H = Math.round(Math.min(400, Math.max(300, W * 0.66)));
  const box = { left: 46, right: W - 14, top: 26, bottom: H - 42 };
  const metric = metricWords(task);
  const bottom = Math.min(...values); const top = Math.max(...values);
  // A level far from the data would squeeze it into a corner: it is named instead of drawn.
  const far = (v) => v !== null && Math.max(bottom - v, v - top)
    > Math.max(1.2 * (top - bottom), 0.05 * Math.abs(v));
  const levels = [["target", task.target], ["chance", task.chance]].filter(([, v]) => v !== null);
  const pad = Math.max(1.25, (xHigh / xLow) ** 0.1);
  const [xMin, xMax] = [xLow / pad, xHigh * pad];
  const ys = [...values, ...levels.map(([, v]) => v).filter((v) => !far(v))];
  const yPad = (Math.max(...ys) - Math.min(...ys) || Math.abs(top) || 1) * 0.07;
  const [yMin, yMax] = [Math.min(...ys) - yPad, Math.max(...ys) + yPad];
  const X = (v) => box.left + (Math.log(v / xMin) / Math.log(xMax / xMin)) * (box.right - box.left);
  const Y = (v) => box.bottom - ((v - yMin) / (yMax - yMin)) * (box.bottom - box.top);

  const root = svg("svg", { viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": words });
  root.append(svg("desc", {}, words));
  const yTicks = niceTicks(yMin, yMax, 5);
  for (const tick of yTicks) {
    if (task.metric === "accuracy" && (tick > 1.0001 || tick < 0)) continue;
    root.append(svg("line", { class: "rule", x1: box.left, x2: box.right, y1: Y(tick), y2: Y(tick) }),
      svg("text", { x: box.left - 7, y: Y(tick) + 4, "text-anchor": "end" },
        task.metric === "accuracy" ? `${Math.round(1000 * tick) / 10} %` : tickWords(tick, yTicks)));
  }
  for (const tick of axis.ticks ?? logTicks(xMin, xMax, box.right - box.left)) {
    root.append(svg("line", { class: "axis", x1: X(tick), x2: X(tick), y1: box.bottom, y2: box.bottom + 4 }),
      svg("text", { x: X(tick), y: box.bottom + 17, "text-anchor": "middle" }, say(axis, tick).replace(/\.0+(?= |$)/, "")));
  }
  root.append(svg("line", { class: "axis", x1: box.left, x2: box.right, y1: box.bottom, y2: box.bottom }),
    svg("text", { x: 0, y: 12 }, capital(metric)),
    svg("text", { x: box.right, y: H - 6, "text-anchor": "end" }, `${title} \u2192`));
  // The name of a level stands at the end of its line where less is drawn.
  function drawLevels(list) {
    for (const [name, value] of levels) {
      if (far(value)) {
        const above = value > top;
        root.append(svg("text", { x: box.right, y: above ? box.top - 8 : box.bottom - 6, "text-anchor": "end" },
          `${name} ${quality(value, task.metric)} ${above ? "\u2191" : "\u2193"}`));
        continue;
      }
      const w = 7 * name.length + 14;
      const near = (from, to) => list.filter((p) => Math.abs(Y(p.y) - Y(value) + 8) < 18
        && X(p.x) > from && X(p.x) < to).length;
      const left = near(box.left, box.left + w) < near(box.right - w, box.right + 40);
      root.append(svg("line", { class: "level", x1: box.left, x2: box.right, y1: Y(value), y2: Y(value) }),
        svg("text", { x: left ? box.left + 4 : box.right, "text-anchor": left ? "start" : "end", y: Y(value) - 4 }, name));
    }
  }
  return { root, X, Y, box, drawLevels };
}
const capital = (text) => `${text[0].toUpperCase()}${text.slice(1)}`;
const metricWords = (task) => (task.metric ?? "quality").replaceAll("_", " ");
const small = (label) => label.replace(/^[A-Z](?=[a-z])/, (c) => c.toLowerCase());
function axisTitle(axis) {
  if (axis.train === axis.infer) return axis.label;
  return state.phase === "train" ? `Training ${small(axis.label)}` : `Inference ${small(axis.label)}, a sample`;
}

function draw(task, width) {
  const axis = axes.get(state.axis);
  const list = points(task);
  const title = axisTitle(axis);
  if (!list.length) return { node: html("p", { class: "empty" }, emptyReason(axis)), list, title };
  const front = paretoFront(list, task.higher);
  const name = column(axis, state.phase); const k = scale(axis);
  const words = `${capital(metricWords(task))} against ${small(title)} on ${task.task}, ${list.length} models; `
    + `on the Pareto front: ${front.map((p) => p.arm.arm).join(", ")}. All numbers are in the table below.`;
  const node = picture(task, width, {
    list, axis, title, words, front, line: (arm) => `${arm.model}\n${arm.share}`, seedX: (seed) => seed[name] * k,
  });
  return { node, list, title, front };
}

// Medians with intervals, those of one line joined, single seeds behind them, and names.
function picture(task, width, { list, axis, title, words, front, line, seedX }) {
  const { root, X, Y, box, drawLevels } = plot(width, {
    xLow: Math.min(...list.map((p) => p.xLow)), xHigh: Math.max(...list.map((p) => p.xHigh)),
    values: list.flatMap((p) => [p.yLow, p.yHigh]), task, axis, title, words,
  });
  drawLevels([...list, ...front.slice(-1).map((p) => ({ x: p.x * 1e9, y: p.y }))].map((p) => (
    { ...p, x: Math.min(p.x, Math.max(...list.map((q) => q.xHigh)) * 1.2) })));

  let path = "";
  front.forEach((p, i) => { path += i ? `H${X(p.x)}V${Y(p.y)}` : `M${X(p.x)},${Y(p.y)}`; });
  if (path) root.append(svg("path", { class: "front", d: `${path}H${box.right}` }));
  const layer = { seeds: svg("g"), ladders: svg("g"), whiskers: svg("g"), medians: svg("g"), labels: svg("g") };
  if (state.seeds === "1") drawSeeds(layer.seeds, list, X, Y, seedX);
  const lines = [...groupBy(list, (p) => line(p.arm)).values()];
  for (const group of lines) {
    group.sort((a, b) => a.x - b.x);
    layer.ladders.append(svg("polyline", {
      class: "ladder", stroke: colour(group[0].arm.family),
      points: group.map((p) => `${X(p.x)},${Y(p.y)}`).join(" "),
    }));
  }
  for (const p of list) {
    const stroke = colour(p.arm.family); const cx = X(p.x); const cy = Y(p.y);
    layer.whiskers.append(
      svg("line", { class: "whisker", stroke, x1: X(p.xLow), x2: X(p.xHigh), y1: cy, y2: cy }),
      svg("line", { class: "whisker", stroke, x1: cx, x2: cx, y1: Y(p.yLow), y2: Y(p.yHigh) }));
    const mark = svg("path", {
      class: "median", d: marker(p.arm.family, 5.2), fill: stroke, transform: `translate(${cx} ${cy})`,
      "data-arm": p.arm.arm, "data-x": p.x, "data-y": p.y, "data-front": front.includes(p) ? 1 : 0,
    });
    mark.addEventListener("pointerenter", (event) => tip(event, p, axis, task));
    mark.addEventListener("pointerleave", untip);
    layer.medians.append(mark);
  }
  // Of a model's lines, the one that saw most of the data bears the name.
  lines.sort((a, b) => a[0].arm.share - b[0].arm.share);
  const named = new Map(lines.map((group) => [group[0].arm.model, group]));
  placeLabels(layer.labels, [...named.values()], list, X, Y, box);
  root.append(...Object.values(layer));
  return root;
}
