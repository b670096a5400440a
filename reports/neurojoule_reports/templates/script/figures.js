// Every figure of the page: the overview, accuracy against footprint, learning.

// Overview: every task at a glance, each a link to its figure.
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
    if (front.length) root.append(svg("path", { class: "front", d: `${front.map((p, i) => (i ? `H${X(p)}V${Y(p)}` : `M${X(p)},${Y(p)}`)).join("")}H${W}` }));
    for (const p of list) {
      root.append(svg("path", { class: "dot", d: marker(p.arm.family, 3), fill: colour(p.arm.family), transform: `translate(${X(p)} ${Y(p)})` }));
    }
    const best = front.length ? ` ${quality(front.at(-1).y, task.metric)}` : "";
    const link = html("a", { href: `#${task.anchor}` }, html("bdi", {}, task.task), best, root);
    link.addEventListener("click", (event) => goTo(event, task.anchor));
    $("overview").append(link);
  }
}
function goTo(event, id) {
  event.preventDefault();
  $(id)?.scrollIntoView();
  $(id)?.focus({ preventScroll: true });
}

// All figures.
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
  ladders(shown);
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
  return [html("b", {}, `${front.length} of ${competing(list).length}`),
    ` on the front: ${front.map((p) => short(p.arm.arm, 80)).join(", ")}. ${span} seeds each.${grid}`];
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
