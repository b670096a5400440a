"use strict";
// Draws the figures and the table from the rows that the page holds, and keeps what is shown in
// the URL. No name from the data ever becomes markup: everything goes through textContent.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const $ = (id) => document.getElementById(id);
  const arms = rows(data.arms);
  const seeds = rows(data.seeds);
  const curvePoints = rows(data.curves);
  const axes = new Map(data.axes.map((a) => [a.name, a]));
  const styles = new Map(data.styles.map((s) => [s.family, s]));
  const grids = new Map(data.grids.map(([code, name, g, year]) => [code, { code, name, g, year }]));

  const defaults = {
    setting: data.settings[0] ?? "", phase: "train", axis: "energy", grid: data.grid,
    seeds: "1", off: "", q: "", task: "", sort: "", theme: "",
  };
  const state = { ...defaults };

  // ---- numbers, with the rules of neurojoule/quantities.py -----------------------------------------------------
  const PREFIXES = ["f", "p", "n", "\u00b5", "m", "", "k", "M", "G", "T", "P"];
  function digits(value, figures = 3) {
    if (value === 0) return "0";
    let magnitude = Math.floor(Math.log10(Math.abs(value)));
    const rounded = Number(value.toPrecision(figures));
    magnitude = Math.floor(Math.log10(Math.abs(rounded)) + 1e-12);
    return rounded.toFixed(Math.max(0, figures - 1 - magnitude)).replace("-", "\u2212");
  }
  function si(value, unit) {
    if (value === null || value === undefined) return "\u2013";
    if (value === 0) return `0 ${unit}`.trim();
    if (Number.isInteger(value) && Math.abs(value) < 1000) {
      return `${value} ${unit}`.replace("-", "\u2212").trim();
    }
    const rounded = Number(value.toPrecision(3));
    const exponent = Math.min(15, Math.max(-15,
      Math.floor((Math.log10(Math.abs(rounded)) + 1e-12) / 3) * 3));
    return `${digits(rounded / 10 ** exponent)} ${PREFIXES[exponent / 3 + 5]}${unit}`.trim();
  }
  function quality(value, metric) {
    if (value === null || value === undefined) return "\u2013";
    return metric === "accuracy" ? `${(100 * value).toFixed(1)} %` : digits(value);
  }

  // ---- data ------------------------------------------------------------------------------------
  function rows(columns) {
    const names = Object.keys(columns);
    const count = names.length ? columns[names[0]].length : 0;
    return Array.from({ length: count }, (_, i) =>
      Object.fromEntries(names.map((name) => [name, columns[name][i]])));
  }
  const style = (family) => styles.get(family) ?? styles.get("other");
  const dark = () => state.theme === "dark"
    || (state.theme !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  const colour = (family) => (dark() ? style(family).dark : style(family).colour);
  const textColour = (family) => (dark() ? style(family).dark : style(family).text);
  const column = (axis, phase) => (phase === "train" ? axis.train : axis.infer);
  const scale = (axis) => (axis.name === "co2e" ? grids.get(state.grid).g / 3.6e6 : 1);
  const hidden = () => new Set(state.off ? state.off.split(",") : []);
  const familyKey = (family) => (styles.has(family) ? family : "other");
  const visible = (arm) => arm.setting === state.setting && !hidden().has(familyKey(arm.family));

  function points(task) {
    const axis = axes.get(state.axis);
    const name = column(axis, state.phase);
    const k = scale(axis);
    if (!name) return [];
    return arms
      .map((arm, index) => ({ arm, index }))
      .filter(({ arm }) => arm.task === task.task && arm.suite === task.suite && visible(arm)
        && arm[name] > 0 && arm.quality !== null)
      .map(({ arm, index }) => ({
        arm, index,
        x: arm[name] * k, xLow: arm[`${name}_low`] * k, xHigh: arm[`${name}_high`] * k,
        y: arm.quality, yLow: arm.quality_low, yHigh: arm.quality_high,
      }));
  }
  function paretoFront(list, higher) {
    const sign = higher ? 1 : -1;
    const sorted = [...list].sort((a, b) => a.x - b.x || sign * (b.y - a.y));
    let best = -Infinity;
    return sorted.filter((p) => (sign * p.y > best ? ((best = sign * p.y), true) : false));
  }

  // ---- SVG -------------------------------------------------------------------------------------
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

  // ---- one figure ------------------------------------------------------------------------------
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
    for (const tick of niceTicks(yMin, yMax, 5)) {
      if (task.metric === "accuracy" && (tick > 1.0001 || tick < 0)) continue;
      root.append(svg("line", { class: "rule", x1: box.left, x2: box.right, y1: Y(tick), y2: Y(tick) }),
        svg("text", { x: box.left - 7, y: Y(tick) + 4, "text-anchor": "end" },
          task.metric === "accuracy" ? `${Math.round(1000 * tick) / 10} %` : digits(tick, 2)));
    }
    for (const tick of logTicks(xMin, xMax, box.right - box.left)) {
      root.append(svg("line", { class: "axis", x1: X(tick), x2: X(tick), y1: box.bottom, y2: box.bottom + 4 }),
        svg("text", { x: X(tick), y: box.bottom + 17, "text-anchor": "middle" }, si(tick, axis.unit)));
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
    const { root, X, Y, box, drawLevels } = plot(width, {
      xLow: Math.min(...list.map((p) => p.xLow)), xHigh: Math.max(...list.map((p) => p.xHigh)),
      values: list.flatMap((p) => [p.yLow, p.yHigh]), task, axis, title,
      words: `${capital(metricWords(task))} against ${small(title)} on ${task.task}, ${list.length} models; `
        + `on the Pareto front: ${front.map((p) => p.arm.arm).join(", ")}. All numbers are in the table below.`,
    });
    drawLevels([...list, ...front.slice(-1).map((p) => ({ x: p.x * 1e9, y: p.y }))].map((p) => (
      { ...p, x: Math.min(p.x, Math.max(...list.map((q) => q.xHigh)) * 1.2) })));

    let path = "";
    front.forEach((p, i) => { path += i ? `H${X(p.x)}V${Y(p.y)}` : `M${X(p.x)},${Y(p.y)}`; });
    root.append(svg("path", { class: "front", d: `${path}H${box.right}` }));
    const layer = { seeds: svg("g"), ladders: svg("g"), whiskers: svg("g"), medians: svg("g"), labels: svg("g") };
    if (state.seeds === "1") drawSeeds(layer.seeds, list, X, Y);
    const models = groupBy(list, (p) => p.arm.model);
    for (const group of models.values()) {
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
    placeLabels(layer.labels, [...models.values()], list, X, Y, box);
    root.append(...Object.values(layer));
    return { node: root, list, title, front };
  }

  // ---- learning curves -------------------------------------------------------------------------
  const CLOCKS = { energy: "energy_j", co2e: "energy_j", time: "time_s", operations: "flops" };
  const clockAxis = () => axes.get(state.axis in CLOCKS ? state.axis : "energy");
  function learning(task, width) {
    const axis = clockAxis(); const name = CLOCKS[axis.name]; const f = scale(axis);
    const groups = [...groupBy(curvePoints, (p) => p.arm).entries()]
      .map(([index, list]) => ({ arm: arms[index], list: list.filter((p) => p[name] > 0).map((p) => ({ x: p[name] * f, y: p.validation })) }))
      .filter(({ arm, list }) => arm.task === task.task && arm.suite === task.suite && visible(arm) && list.length > 1);
    const title = `Cumulative ${small(axis.label)} of training`;
    if (!groups.length) return { node: html("p", { class: "empty" }, "No learning curve with this figure was recorded in this setting."), groups, axis };
    const all = groups.flatMap((g) => g.list);
    const { root, X, Y, box, drawLevels } = plot(width, {
      xLow: Math.min(...all.map((p) => p.x)), xHigh: Math.max(...all.map((p) => p.x)),
      values: all.map((p) => p.y), task, axis, title,
      words: `Learning curves on ${task.task}: ${metricWords(task)} on the validation split against ${small(title)}, `
        + `medians over seeds of ${groups.length} models. What each needs to reach the target is in the table below.`,
    });
    const sign = task.higher ? 1 : -1;
    const ends = [];
    for (const group of groupBy(groups, (g) => g.arm.model).values()) {
      const best = [...group].sort((a, b) => sign * (b.list.at(-1).y - a.list.at(-1).y))[0];
      for (const { arm, list } of group) {
        root.append(svg("polyline", {
          class: arm === best.arm ? "curve" : "curve faint", stroke: colour(arm.family), "data-arm": arm.arm,
          points: list.map((p) => `${X(p.x)},${Y(p.y)}`).join(" "),
        }));
      }
      const end = { ...best.list.at(-1), arm: best.arm };
      root.append(svg("path", { class: "median", d: marker(best.arm.family, 4), fill: colour(best.arm.family), transform: `translate(${X(end.x)} ${Y(end.y)})` }));
      ends.push([end]);
    }
    drawLevels(ends.flat());
    const labels = svg("g");
    placeLabels(labels, ends, ends.flat(), X, Y, box);
    root.append(labels);
    return { node: root, groups, axis };
  }
  function toTarget(task) {
    const here = arms.filter((a) => a.task === task.task && a.suite === task.suite && visible(a) && a.tried);
    const co2 = scale(axes.get("co2e"));
    const missed = (a, v) => (a.reached * 2 <= a.tried ? "not by most" : v);
    const body = html("tbody");
    for (const a of [...here].sort((u, v) => (u.target_energy_j ?? Infinity) - (v.target_energy_j ?? Infinity))) {
      body.append(html("tr", {}, html("th", { scope: "row" }, html("bdi", {}, a.arm)),
        ...[`${a.reached} of ${a.tried}`, missed(a, si(a.target_energy_j, "J")),
          missed(a, si(a.target_energy_j === null ? null : a.target_energy_j * co2, "g")),
          missed(a, si(a.target_time_s, "s")), missed(a, si(a.target_flops, "FLOP"))]
          .map((text) => html("td", { class: "n" }, text))));
    }
    return tableOf(["Arm", "Reached", "Energy", "CO\u2082e", "Time", "Operations"], body,
      `To the target of ${quality(task.target, task.metric)}`, `What ${task.task} takes to its target`);
  }
  function tableOf(heads, body, summary, label) {
    const head = html("tr", {}, ...heads.map((text, i) => html("th", i ? { scope: "col", class: "n" } : { scope: "col" }, text)));
    return html("details", {}, html("summary", {}, summary),
      html("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": label },
        html("table", {}, html("thead", {}, head), body)));
  }
  function groupBy(list, key) {
    const groups = new Map();
    for (const item of list) groups.set(key(item), [...(groups.get(key(item)) ?? []), item]);
    return groups;
  }
  function emptyReason(axis) {
    if (!column(axis, state.phase)) return `${axis.label} is not a figure of inference.`;
    const here = arms.filter((arm) => arm.setting === state.setting);
    if (axis.energy && here.some((arm) => arm.ok) && !here.some((arm) => arm.energy_runs)) {
      return "No run here has valid energy; “Measurement quality” says why.";
    }
    return "Nothing to draw: no run that counts has this figure in this setting.";
  }
  function drawSeeds(layer, list, X, Y) {
    const axis = axes.get(state.axis); const name = column(axis, state.phase); const k = scale(axis);
    const shown = new Map(list.map((p) => [p.index, p]));
    for (const seed of seeds) {
      const p = shown.get(seed.arm);
      if (!p || !(seed[name] > 0) || seed.quality === null) continue;
      layer.append(svg("path", {
        class: "seed", d: marker(p.arm.family, 2), fill: colour(p.arm.family),
        transform: `translate(${X(seed[name] * k)} ${Y(seed.quality)})`,
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
      const text = short(group[0].arm.model, 26);
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
      html("br"), `${si(p.x, axis.unit)} (${si(p.xLow, axis.unit)} to ${si(p.xHigh, axis.unit)})`,
      html("br"), `${p.arm.ok} of ${p.arm.runs} runs, ${p.arm.energy_runs} with valid energy`);
    document.body.append(tooltip);
    const left = Math.min(event.pageX + 12, document.documentElement.clientWidth - tooltip.offsetWidth - 8);
    tooltip.style.left = `${Math.max(4, left)}px`;
    tooltip.style.top = `${event.pageY + 14}px`;
  }
  function untip() { tooltip?.remove(); tooltip = null; }

  // ---- overview: every task at a glance, each a link to its figure ------------------------------
  function overview(shown) {
    $("overview").replaceChildren();
    if (shown.length < 2) return;
    for (const task of shown) {
      const list = points(task);
      if (!list.length) continue;
      const W = 176; const H = 96;
      const [xs, ys] = [list.map((p) => Math.log(p.x)), list.map((p) => p.y)];
      const at = (v, all, from, to) => from + ((v - Math.min(...all)) / (Math.max(...all) - Math.min(...all) || 1)) * (to - from);
      const X = (p) => at(Math.log(p.x), xs, 8, W - 8).toFixed(1);
      const Y = (p) => at(p.y, ys, H - 10, 8).toFixed(1);
      const root = svg("svg", { viewBox: `0 0 ${W} ${H}`, "aria-hidden": "true" });
      root.append(svg("line", { class: "rule", x1: 0, x2: W, y1: H - 1, y2: H - 1 }));
      const front = paretoFront(list, task.higher);
      root.append(svg("path", { class: "front", d: `${front.map((p, i) => (i ? `H${X(p)}V${Y(p)}` : `M${X(p)},${Y(p)}`)).join("")}H${W}` }));
      for (const p of list) {
        root.append(svg("path", { class: "dot", d: marker(p.arm.family, 3), fill: colour(p.arm.family), transform: `translate(${X(p)} ${Y(p)})` }));
      }
      const best = [...list].sort((a, b) => (task.higher ? b.y - a.y : a.y - b.y))[0];
      const link = html("a", { href: `#${task.anchor}` }, html("bdi", {}, task.task), ` ${quality(best.y, task.metric)}`, root);
      link.addEventListener("click", (event) => goTo(event, task.anchor));
      $("overview").append(link);
    }
  }
  function goTo(event, id) {
    event.preventDefault();
    $(id)?.scrollIntoView();
    $(id)?.focus({ preventScroll: true });
  }

  // ---- all figures -----------------------------------------------------------------------------
  function figures() {
    const home = $("figures");
    home.replaceChildren();
    const axis = axes.get(state.axis);
    const shown = data.tasks.filter((t) =>
      arms.some((a) => a.task === t.task && a.suite === t.suite && a.setting === state.setting));
    overview(shown);
    for (const task of shown) {
      const figure = html("figure", { id: task.anchor, tabindex: "-1" });
      figure.append(html("h3", {}, html("bdi", {}, task.task), " ", html("small", {}, task.suite)));
      home.append(figure);
      const { node, list, title, front } = draw(task, figure.clientWidth || 480);
      figure.append(node);
      if (!list.length) continue;
      figure.append(html("figcaption", {}, ...caption(task, list, front, axis)),
        numbers(task, list, axis, title), save(node, `${task.task}-${state.phase}-${state.axis}`));
    }
    $("curves").replaceChildren();
    for (const task of shown) {
      const figure = html("figure", {}, html("h3", {}, html("bdi", {}, task.task), " ", html("small", {}, task.suite)));
      $("curves").append(figure);
      const { node, groups, axis: clock } = learning(task, figure.clientWidth || 480);
      figure.append(node);
      if (!groups.length) continue;
      const here = groups.map((g) => g.arm);
      const reached = here.filter((a) => a.reached * 2 > a.tried);
      figure.append(html("figcaption", {}, html("b", {}, `${reached.length} of ${here.length}`),
        ` reach the target of ${quality(task.target, task.metric)} in most runs${clock.name === "co2e" ? `. Grid: ${gridWords()}` : ""}.`),
        toTarget(task), save(node, `${task.task}-learning-${clock.name}`));
    }
    if (!shown.length) home.append(html("p", { class: "empty" }, "There are no runs in this setting."));
  }
  function caption(task, list, front, axis) {
    const n = list.map((p) => p.arm.ok);
    const span = Math.min(...n) === Math.max(...n) ? `${n[0]}` : `${Math.min(...n)}\u2013${Math.max(...n)}`;
    const grid = axis.name === "co2e" ? ` Grid: ${gridWords()}.` : "";
    return [html("b", {}, `${front.length} of ${list.length}`),
      ` on the front: ${front.map((p) => short(p.arm.arm, 40)).join(", ")}. ${span} seeds each.${grid}`];
  }
  const gridWords = () => {
    const g = grids.get(state.grid);
    return `${g.name}, ${Math.round(g.g)} g/kWh (${g.year})`;
  };
  function numbers(task, list, axis, title) {
    const body = html("tbody");
    for (const p of [...list].sort((a, b) => a.x - b.x)) {
      body.append(html("tr", {}, html("th", { scope: "row" }, html("bdi", {}, p.arm.arm)),
        html("td", { class: "n" }, quality(p.y, task.metric)),
        html("td", { class: "n" }, `${quality(p.yLow, task.metric)} \u2013 ${quality(p.yHigh, task.metric)}`),
        html("td", { class: "n" }, si(p.x, axis.unit)),
        html("td", { class: "n" }, `${si(p.xLow, axis.unit)} \u2013 ${si(p.xHigh, axis.unit)}`),
        html("td", { class: "n" }, `${p.arm.ok}`)));
    }
    return tableOf(["Arm", metricWords(task), "interval", title, "interval", "Runs"], body,
      "The numbers", `Numbers of the figure for ${task.task}`);
  }
  function save(node, name) {
    const button = html("button", { type: "button" }, "Save as SVG");
    button.addEventListener("click", () => {
      const copy = node.cloneNode(true);
      copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
      inlineStyle(node, copy);
      const blob = new Blob([new XMLSerializer().serializeToString(copy)], { type: "image/svg+xml" });
      const link = html("a", { download: `${name}.svg` });
      link.href = URL.createObjectURL(blob);
      link.click();
      URL.revokeObjectURL(link.href);
    });
    return button;
  }
  function inlineStyle(from, to) {
    const style = getComputedStyle(from);
    for (const name of ["fill", "stroke", "stroke-width", "stroke-dasharray", "opacity", "font-family", "font-size", "paint-order"]) {
      to.setAttribute(name, style.getPropertyValue(name));
    }
    [...from.children].forEach((child, i) => inlineStyle(child, to.children[i]));
  }

  // ---- the table -------------------------------------------------------------------------------
  const k = (name) => (arm) => (arm[name] === null ? null : arm[name] * scale(axes.get("co2e")));
  const get = (name) => (arm) => arm[name];
  const columns = [
    { key: "arm", label: "Arm", value: get("arm") },
    { key: "task", label: "Task", value: get("task") },
    { key: "runs", label: "Runs", value: (a) => a.ok, show: (a) => (a.ok === a.runs ? `${a.ok}` : `${a.ok} of ${a.runs}`), n: 1 },
    { key: "quality", label: "Quality", value: get("quality"), show: (a) => quality(a.quality, metricOf(a)), n: 1 },
    { key: "parameters", label: "Parameters", value: get("parameters"), unit: "", n: 1 },
    { key: "train_energy_j", label: "Training energy", short: "energy", value: get("train_energy_j"), unit: "J", n: 1 },
    { key: "train_co2e_g", label: "Training CO\u2082e", short: "CO\u2082e", value: k("train_energy_j"), unit: "g", n: 1 },
    { key: "train_time_s", label: "Training time", short: "time", value: get("train_time_s"), unit: "s", n: 1 },
    { key: "train_flops", label: "Training operations", short: "operations", value: get("train_flops"), unit: "FLOP", n: 1 },
    { key: "train_ram_j", label: "Training RAM energy", short: "RAM energy", value: get("train_ram_j"), unit: "J", n: 1 },
    { key: "infer_energy_j", label: "Inference energy", short: "energy", value: get("infer_energy_j"), unit: "J", n: 1 },
    { key: "infer_time_s", label: "Inference time", short: "time", value: get("infer_time_s"), unit: "s", n: 1 },
    { key: "infer_flops", label: "Inference operations", short: "operations", value: get("infer_flops"), unit: "FLOP", n: 1 },
    { key: "grade", label: "Energy is", value: get("grade"), show: (a) => a.grade ?? "not known" },
  ];
  const metrics = new Map(data.tasks.map((t) => [`${t.suite}\n${t.task}`, t.metric]));
  const metricOf = (arm) => metrics.get(`${arm.suite}\n${arm.task}`);
  const cell = (c, arm) => (c.show ? c.show(arm) : c.unit === undefined ? c.value(arm) : si(c.value(arm), c.unit));

  function tableRows() {
    const words = state.q.toLowerCase().split(/\s+/).filter(Boolean);
    const list = arms.filter((arm) => visible(arm) && (!state.task || arm.task === state.task)
      && words.every((w) => `${arm.arm} ${arm.task} ${arm.suite} ${arm.family}`.toLowerCase().includes(w)));
    const [key, direction] = state.sort ? state.sort.split("-") : ["", ""];
    const by = columns.find((c) => c.key === key);
    if (!by) return list;
    const sign = direction === "down" ? -1 : 1;
    return list.sort((a, b) => {
      const u = by.value(a); const v = by.value(b);
      if (u === null || v === null) return (u === null) - (v === null);
      return sign * (typeof u === "number" ? u - v : String(u).localeCompare(String(v)));
    });
  }
  function table() {
    const [key, direction] = state.sort ? state.sort.split("-") : ["", ""];
    const head = html("tr");
    const over = html("tr");
    for (const [label, span] of [["", 5], ["Training", 5], ["Inference", 3], ["", 1]]) {
      over.append(label ? html("th", { scope: "colgroup", colspan: span }, label) : html("td", { colspan: span }));
    }
    for (const c of columns) {
      const sorted = c.key !== key ? "none" : direction === "down" ? "descending" : "ascending";
      const button = html("button", { type: "button", "aria-label": c.label }, c.short ?? c.label);
      button.addEventListener("click", () => {
        const next = c.key === key && direction === (c.n ? "down" : "up") ? (c.n ? "up" : "down") : (c.n ? "down" : "up");
        set({ sort: `${c.key}-${next}` });
        [...$("table").querySelectorAll("th button")].find((b) => b.getAttribute("aria-label") === c.label)?.focus();
      });
      head.append(html("th", c.n ? { scope: "col", class: "n", "aria-sort": sorted } : { scope: "col", "aria-sort": sorted }, button));
    }
    const body = html("tbody");
    for (const arm of tableRows()) {
      const row = html("tr", {}, html("th", { scope: "row" }, swatch(arm.family), html("bdi", {}, arm.arm)));
      for (const c of columns.slice(1)) row.append(html("td", c.n ? { class: "n" } : {}, html("bdi", {}, `${cell(c, arm) ?? "\u2013"}`)));
      body.append(row);
    }
    $("table").replaceChildren(html("thead", {}, over, head), body);
  }
  function csv() {
    const quote = (v) => (v === null || v === undefined ? "" : /[",\r\n]/.test(v) ? `"${String(v).replaceAll('"', '""')}"` : String(v));
    const names = columns.map((c) => (c.key === "runs" ? "ok" : c.key));
    return [["setting", ...names].join(","),
      ...tableRows().map((arm) => [arm.setting, ...columns.map((c) => c.value(arm))].map(quote).join(","))].join("\n") + "\n";
  }
  function latex() {
    const special = { "\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}", "\u00b5": "\\textmu{}", "\u2013": "--", "\u2212": "$-$", "\u2082": "$_2$" };
    const escape = (v) => String(v).replace(/[\\~^&%$#_{}\u00b5\u2013\u2212\u2082]/g, (c) => special[c] ?? `\\${c}`);
    const lines = tableRows().map((arm) => `  ${columns.map((c) => escape(cell(c, arm) ?? "\u2013")).join(" & ")} \\\\`);
    return ["% needs booktabs and textcomp", `\\begin{tabular}{${columns.map((c) => (c.n ? "r" : "l")).join("")}}`, "  \\toprule",
      `  ${columns.map((c) => escape(c.label)).join(" & ")} \\\\`, "  \\midrule", ...lines, "  \\bottomrule", "\\end{tabular}", ""].join("\n");
  }
  async function copy(text) {
    let done = true;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      // A page opened from a file may not use the clipboard interface: select and copy instead.
      const area = html("textarea"); area.value = text;
      document.body.append(area); area.select();
      done = document.execCommand("copy");
      area.remove();
    }
    $("copied").textContent = done ? "Copied." : "Your browser did not allow copying.";
    setTimeout(() => { $("copied").textContent = ""; }, 4000);
  }

  // ---- controls and state ----------------------------------------------------------------------
  function segment(home, options, key) {
    home.replaceChildren(...options.map(([value, label, disabled]) => {
      const button = html("button", { type: "button", "aria-pressed": String(state[key] === value), "data-value": value }, label);
      button.disabled = Boolean(disabled);
      button.addEventListener("click", () => {
        set({ [key]: value });
        [...home.children].find((b) => b.dataset.value === value)?.focus();
      });
      return button;
    }));
  }
  function fill(select, options, value) {
    select.replaceChildren(...options.map(([v, label]) => {
      const option = html("option", { value: v }, label);
      option.selected = v === value;
      return option;
    }));
  }
  function controls() {
    fill($("setting"), data.settings.map((s) => [s, short(s, 80)]), state.setting);
    segment($("phase"), [["train", "Training"], ["infer", "Inference"]], "phase");
    segment($("axis"), data.axes.map((a) => [a.name, a.label, !column(a, state.phase)]), "axis");
    fill($("grid"), data.grids.map(([code, name, g]) => [code, `${name}, ${Math.round(g)} g/kWh`]), state.grid);
    $("showseeds").checked = state.seeds === "1";
    $("showseeds").disabled = !seeds.length;
    const tasks = [...new Set(data.tasks.map((t) => t.task))];
    fill($("task"), [["", "all"], ...tasks.map((t) => [t, short(t, 60)])], state.task);
    if ($("find").value !== state.q) $("find").value = state.q;
    $("theme").textContent = dark() ? "Light" : "Dark";
    const families = [...new Set(arms.filter((a) => a.setting === state.setting).map((a) => familyKey(a.family)))].sort();
    const off = hidden();
    $("legend").replaceChildren(...families.map((family) => {
      const button = html("button", { type: "button", "aria-pressed": String(!off.has(family)) }, swatch(family), family);
      button.addEventListener("click", () => {
        const next = hidden();
        if (!next.delete(family)) next.add(family);
        set({ off: [...next].sort().join(",") });
        [...$("legend").children].find((b) => b.textContent === family)?.focus();
      });
      return button;
    }));
  }
  function set(change) {
    Object.assign(state, change);
    if (!column(axes.get(state.axis), state.phase)) state.axis = "energy";
    const parts = Object.keys(defaults).filter((key) => state[key] !== defaults[key])
      .map((key) => `${key}=${encodeURIComponent(state[key])}`);
    history.replaceState(null, "", parts.length ? `#${parts.join("&")}` : location.pathname + location.search);
    show();
  }
  function fromHash() {
    Object.assign(state, defaults);
    for (const part of location.hash.slice(1).split("&")) {
      const at = part.indexOf("=");
      const key = part.slice(0, at);
      if (!(key in defaults)) continue;
      try { state[key] = decodeURIComponent(part.slice(at + 1)); } catch { /* a broken escape: keep the default */ }
    }
    if (!data.settings.includes(state.setting)) state.setting = defaults.setting;
    if (!axes.has(state.axis)) state.axis = defaults.axis;
    if (!["train", "infer"].includes(state.phase)) state.phase = defaults.phase;
    if (!grids.has(state.grid)) state.grid = defaults.grid;
    if (!column(axes.get(state.axis), state.phase)) state.axis = "energy";
  }
  function show() {
    document.documentElement.dataset.theme = state.theme;
    for (const node of document.querySelectorAll("[data-setting]")) node.hidden = node.dataset.setting !== state.setting;
    untip();
    controls();
    figures();
    table();
  }

  $("bar").hidden = !arms.length;
  $("setting").addEventListener("change", (e) => set({ setting: e.target.value }));
  $("grid").addEventListener("change", (e) => set({ grid: e.target.value }));
  $("task").addEventListener("change", (e) => set({ task: e.target.value }));
  $("showseeds").addEventListener("change", (e) => set({ seeds: e.target.checked ? "1" : "0" }));
  $("find").addEventListener("input", (e) => set({ q: e.target.value }));
  $("theme").addEventListener("click", () => set({ theme: dark() ? "light" : "dark" }));
  $("csv").addEventListener("click", () => copy(csv()));
  $("latex").addEventListener("click", () => copy(latex()));
  // A link to a figure must not push the state out of the address.
  for (const link of document.querySelectorAll("a[data-figure]")) {
    link.addEventListener("click", (event) => goTo(event, link.hash.slice(1)));
  }
  addEventListener("hashchange", () => { fromHash(); show(); });
  let width = innerWidth;
  addEventListener("resize", () => { if (innerWidth !== width) { width = innerWidth; untip(); figures(); } });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", show);
  fromHash();
  show();
})();
