"use strict";
/* Draws the recordings that the page holds.  Nothing is fetched: all that
   there is to see stands in #data. */
(function () {
  const recordings = JSON.parse(
    document.getElementById("data").textContent).recordings;
  const compared = recordings.length > 1;
  const NS = "http://www.w3.org/2000/svg";
  const palette = ["#08519c", "#6baed6", "#8c510a", "#dfc27d", "#01665e",
    "#80cdc1", "#762a83", "#c2a5cf", "#b2182b", "#f4a582", "#4d4d4d",
    "#bababa", "#1b7837", "#a6dba0", "#c51b7d", "#f1b6da"];
  const verdictColors = { "in use": "var(--in-use)",
    "unreturned": "var(--unreturned)", "fragmented": "var(--fragmented)",
    "outside malloc": "var(--outside)" };

  /* ------------------------------------------------------------ figures */

  function sizeText(bytes) {
    if (bytes === null || bytes === undefined) return "-";
    const units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let unit = 0;
    while (bytes >= 1024 && unit < units.length - 1) { bytes /= 1024; unit++; }
    return (unit ? (Math.round(bytes * 10) / 10).toFixed(1) : bytes) + " " +
      units[unit];
  }

  function valueText(value, unit) {
    if (value === null || value === undefined) return "-";
    if (unit === "bytes") return sizeText(value);
    if (unit === "ns") return (value / 1e6).toFixed(2) + " ms";
    if (unit === "ms") return (value / 1e3).toFixed(1) + " s";
    return value.toLocaleString("en");
  }

  function timeText(seconds, step) {
    const digits = step >= 1 ? 0 : Math.min(6, Math.ceil(-Math.log10(step)));
    if (seconds < 180) return seconds.toFixed(digits) + " s";
    const h = Math.floor(seconds / 3600), min = Math.floor(seconds / 60) % 60;
    const s = (seconds % 60).toFixed(digits);
    return (h ? h + " h " + min + " min" : min + " min") +
      (h || Number(s) === 0 ? "" : " " + s + " s");
  }

  /* The first step of which at most so many fit. */
  function stepOf(length, count, time) {
    const steps = time ? [1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 1200,
      1800, 3600, 7200, 10800, 21600, 43200, 86400] : [1, 2, 5, 10, 20, 50, 100, 200,
      500, 1000];
    let scale = 1;
    if (!time) while (scale * 1024 <= length) scale *= 1024;
    while (length / scale < 1) scale /= 10;
    if (scale < 1) {
      for (const step of [0.1, 0.2, 0.5])
        if (length / (step * scale) <= count) return step * scale;
    }
    for (const step of steps)
      if (length / (step * scale) <= count) return step * scale;
    return Math.ceil(length / count / 86400) * 86400;
  }

  /* ---------------------------------------------------------------- DOM */

  function element(name, attributes, parent, text) {
    const made = document.createElementNS(NS, name);
    for (const key in attributes) made.setAttribute(key, attributes[key]);
    if (text !== undefined) made.textContent = text;
    if (parent) parent.appendChild(made);
    return made;
  }

  function html(name, parent, text, className) {
    const made = document.createElement(name);
    if (text !== undefined) made.textContent = text;
    if (className) made.className = className;
    if (parent) parent.appendChild(made);
    return made;
  }

  /* -------------------------------------------------------------- state */

  const length = Math.max(...recordings.map(r => r.length_s), 1e-6);
  const state = { from: 0, to: length, at: null };

  /* What is seen can be linked to: page.html#t=3.2&from=1&to=5 */
  function stateRead() {
    const given = new URLSearchParams(location.hash.slice(1));
    const number = (name, otherwise) => {
      const value = parseFloat(given.get(name));
      return Number.isFinite(value) ? Math.min(Math.max(value, 0), length)
        : otherwise;
    };
    const from = number("from", 0), to = number("to", length);
    state.from = from < to ? from : 0;
    state.to = from < to ? to : length;
    state.at = number("t", null);
  }

  function stateWrite() {
    const parts = [];
    if (state.at !== null) parts.push("t=" + state.at.toFixed(3));
    if (state.from > 0 || state.to < length)
      parts.push("from=" + state.from.toFixed(3),
        "to=" + state.to.toFixed(3));
    try {
      history.replaceState(null, "", "#" + parts.join("&"));
    } catch (error) { /* some browsers refuse that to files */ }
  }

  /* The sample that holds at a time: the first that is not before it. */
  function indexAt(times, at) {
    let low = 0, high = times.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (times[middle] < at) low = middle + 1; else high = middle;
    }
    return low;
  }

  /* ------------------------------------------------------------- series */

  const ranged = ["used_bytes", "allocated_bytes", "resident_bytes",
    "rss_bytes"];
  const looks = {
    used_bytes: { color: "var(--a)", width: 2.4, dash: "" },
    allocated_bytes: { color: "var(--allocated)", width: 1.9, dash: "8 5" },
    resident_bytes: { color: "var(--resident)", width: 1.6,
      dash: "9 4 2 4" },
    rss_bytes: { color: "var(--rss)", width: 1.2, dash: "2 3" },
  };
  const series = [];

  function lookOf(name, of, number) {
    if (compared) {
      return { color: of ? "var(--b)" : "var(--a)",
        width: name === "used_bytes" ? 2.5 : 1.2,
        dash: of ? (name === "used_bytes" ? "9 5" : "2 3") :
          (name === "used_bytes" ? "" : "14 3") };
    }
    return looks[name] || { color: palette[(number * 3 + 2) % palette.length],
      width: 1.4, dash: ["5 3", "10 3 2 3 2 3", "1 3", "12 4"][number % 4] };
  }

  function seriesMake() {
    recordings.forEach((recording, of) => {
      recording.figures.forEach((figure, number) => {
        if (figure.unit !== "bytes" || /_total|_peak/.test(figure.name)) return;
        const shown = compared ? number < 2 : number < 4;
        series.push({ of, figure, number, shown, label: (compared ?
          "AB"[of] + " " : "") + figure.label,
        look: lookOf(figure.name, of, number) });
      });
    });
  }

  function togglesMake() {
    const place = document.getElementById("series");
    for (const one of series) {
      const label = html("label", place);
      const box = html("input", label);
      box.type = "checkbox";
      box.checked = one.shown;
      box.addEventListener("change", () => {
        one.shown = box.checked;
        draw();
      });
      const sample = element("svg", { width: 30, height: 10,
        "aria-hidden": "true" }, label);
      element("line", { x1: 0, x2: 30, y1: 5, y2: 5, stroke: one.look.color,
        "stroke-width": one.look.width, "stroke-dasharray": one.look.dash },
      sample);
      html("span", label, one.label);
    }
    const all = html("button", place, "see all");
    all.type = "button";
    all.addEventListener("click", () => zoom(0, length));
  }

  /* A curve as points; what lay between two samples, and beyond both, is
     shown between them. */
  function pointsOf(one) {
    const recording = recordings[one.of], values = one.figure.values;
    const times = recording.time;
    const which = ranged.indexOf(one.figure.name);
    const most = which < 0 ? null : recording.most[which];
    const least = which < 0 ? null : recording.least[which];
    const points = [];
    for (let i = 0; i < times.length; i++) {
      const value = values[i];
      if (value === null || recording.begins.includes(i)) points.push(null);
      if (value === null) continue;
      const before = i > 0 ? values[i - 1] : null;
      if (before !== null && !recording.begins.includes(i) && most) {
        const step = times[i] - times[i - 1];
        if (most[i] > before && most[i] > value)
          points.push([times[i - 1] + step / 3, most[i]]);
        if (least[i] < before && least[i] < value)
          points.push([times[i - 1] + step * 2 / 3, least[i]]);
      }
      points.push([times[i], value]);
    }
    return points;
  }

  /* ------------------------------------------------------------ timeline */

  const margin = { left: 78, right: 14, top: 26, bottom: 28 };
  const ROW = 24;
  let frame = null;

  function rowsOf() {
    const rows = [];
    recordings.forEach((recording, of) => {
      const letter = compared ? "AB"[of] + " " : "";
      if (recording.events.length)
        rows.push({ kind: "gc", of, name: letter + "GC" });
      rows.push({ kind: "verdict", of, name: letter + "verdict" });
    });
    return rows;
  }

  function frameMake() {
    const place = document.getElementById("curves");
    const width = Math.max(360, place.clientWidth || 1000);
    const rows = rowsOf(), plot = 330;
    const height = margin.top + plot + rows.length * ROW + margin.bottom;
    return { place, width, height, rows, bottom: margin.top + plot,
      inner: width - margin.left - margin.right, most: 1 };
  }

  const x = t => margin.left +
    (t - state.from) / (state.to - state.from) * frame.inner;
  const y = bytes => frame.bottom -
    bytes / frame.most * (frame.bottom - margin.top);
  const isSeen = t => t >= state.from && t <= state.to;

  function mostOf(curves) {
    let most = 1;
    for (const { points } of curves)
      for (const point of points)
        if (point && isSeen(point[0]) && point[1] > most) most = point[1];
    return most * 1.1;
  }

  function axesDraw(svg) {
    const stepY = stepOf(frame.most, 6, false);
    for (let v = 0; v <= frame.most; v += stepY) {
      element("line", { class: "grid", x1: margin.left, y1: y(v),
        x2: frame.width - margin.right, y2: y(v) }, svg);
      element("text", { x: margin.left - 8, y: y(v) + 4, "text-anchor": "end" },
        svg, v === 0 ? "0" : sizeText(v).replace(".0 ", " "));
    }
    const base = frame.height - margin.bottom;
    const stepX = stepOf(state.to - state.from, Math.min(10,
      frame.inner / 75), true);
    for (let i = Math.ceil(state.from / stepX - 1e-9);
      i * stepX <= state.to * (1 + 1e-9); i++) {
      const t = i * stepX;
      element("line", { class: "axis", x1: x(t), x2: x(t), y1: base,
        y2: base + 4 }, svg);
      element("text", { x: x(t), y: base + 18, "text-anchor": "middle" }, svg,
        t === 0 ? "0" : timeText(t, stepX));
    }
    element("line", { class: "axis", x1: margin.left, y1: base,
      x2: frame.width - margin.right, y2: base }, svg);
    element("line", { class: "axis", x1: margin.left, y1: frame.bottom,
      x2: frame.width - margin.right, y2: frame.bottom }, svg);
  }

  function curveDraw(svg, one, points) {
    let path = "", pen = "M";
    for (const point of points) {
      if (!point) { pen = "M"; continue; }
      path += pen + x(point[0]).toFixed(1) + "," + y(point[1]).toFixed(1);
      pen = "L";
    }
    element("path", { d: path, fill: "none", stroke: one.look.color,
      "stroke-width": one.look.width, "stroke-dasharray": one.look.dash,
      "stroke-linejoin": "round" }, svg);
  }

  function peakDraw(svg, one, points) {
    let peak = null;
    for (const point of points)
      if (point && isSeen(point[0]) && (!peak || point[1] > peak[1]))
        peak = point;
    if (!peak || one.figure.name !== "used_bytes") return;
    const right = x(peak[0]) > frame.width * 0.75;
    const top = margin.top - 8 + (one.of ? 15 : 0);
    element("line", { x1: x(peak[0]), x2: x(peak[0]), y1: top - 8,
      y2: y(peak[1]), stroke: one.look.color, "stroke-width": 0.8 }, svg);
    element("text", { class: "strong", x: x(peak[0]) + (right ? -6 : 6),
      y: top, "text-anchor": right ? "end" : "start" }, svg,
    (compared ? "AB"[one.of] + ": " : "") + "most used " + sizeText(peak[1]));
  }

  function eventsDraw(svg, row, middle) {
    const recording = recordings[row.of];
    let free = -1;
    const seen = recording.events.filter(e => isSeen(e.time_s));
    seen.forEach((event, i) => {
      const at = x(event.time_s);
      const next = i + 1 < seen.length ? x(seen[i + 1].time_s) :
        frame.width - margin.right;
      const mark = element("path", { class: "mark", d: "M" + (at - 5) + "," +
        (middle + 4) + "h10l-5,-9z" }, svg);
      element("title", {}, mark, eventText(event));
      if (event.used_before > event.used_after) element("line", {
        class: "drop", x1: at, x2: at, y1: y(event.used_before),
        y2: y(event.used_after) }, svg);
      if (at > free && next - at > 66) {
        element("text", { class: "small", x: at + 8, y: middle + 4 }, svg,
          sizeText(event.freed_bytes_sum));
        free = at + 66;
      }
    });
  }

  function eventText(event) {
    return timeText(event.time_s, 0.001) + ": " + event.collections +
      " collection" + (event.collections === 1 ? "" : "s") + ", freed " +
      sizeText(event.freed_bytes_sum) + ", used " +
      sizeText(event.used_before) + " -> " + sizeText(event.used_after) +
      ", pause " + valueText(event.pause_ns, "ns") + ", asked by " +
      event.asked_by;
  }

  function verdictsDraw(svg, row, middle) {
    for (const run of recordings[row.of].verdicts) {
      const from = Math.max(run.begin_s, state.from);
      const to = Math.min(run.end_s, state.to);
      if (to <= from) continue;
      const band = element("rect", { x: x(from), y: middle - 8,
        width: Math.max(0.5, x(to) - x(from)), height: 16,
        fill: verdictColors[run.verdict], stroke: "var(--rule)" }, svg);
      element("title", {}, band, run.verdict);
      if (x(to) - x(from) > run.verdict.length * 7)
        element("text", { class: "small strong", x: (x(from) + x(to)) / 2,
          y: middle + 4, "text-anchor": "middle" }, svg, run.verdict);
    }
  }

  function programsDraw(svg) {
    if (compared) return;
    let free = -1;
    recordings[0].programs.slice(1).forEach(program => {
      if (!isSeen(program.time_s) || x(program.time_s) < free) return;
      element("line", { class: "exec", x1: x(program.time_s),
        x2: x(program.time_s), y1: margin.top, y2: frame.bottom }, svg);
      if (x(program.time_s) - margin.left > 20)
        element("text", { class: "small", x: x(program.time_s) + 5,
          y: frame.bottom - 8 }, svg, program.comm);
      free = x(program.time_s) + 90;
    });
  }

  function draw() {
    frame = frameMake();
    const curves = series.filter(one => one.shown)
      .map(one => ({ one, points: pointsOf(one) }));
    frame.most = mostOf(curves);
    const svg = element("svg", { viewBox: `0 0 ${frame.width} ${frame.height}`,
      height: frame.height, tabindex: 0, role: "img",
      "aria-label": "memory over time; the table below reads it" });
    const clip = element("clipPath", { id: "inside" },
      element("defs", {}, svg));
    element("rect", { x: margin.left, y: 0, width: frame.inner,
      height: frame.bottom }, clip);
    axesDraw(svg);
    frame.rows.forEach((row, i) => {
      const middle = frame.bottom + (i + 0.55) * ROW;
      element("text", { x: margin.left - 8, y: middle + 4,
        "text-anchor": "end" }, svg, row.name);
      (row.kind === "gc" ? eventsDraw : verdictsDraw)(svg, row, middle);
    });
    const inside = element("g", { "clip-path": "url(#inside)" }, svg);
    programsDraw(inside);
    for (const { one, points } of curves.slice().reverse()) {
      curveDraw(inside, one, points);
      peakDraw(inside, one, points);
    }
    frame.selection = element("rect", { class: "selection", y: margin.top,
      height: frame.bottom - margin.top, width: 0 }, svg);
    frame.cursor = element("line", { class: "cursor", y1: margin.top,
      y2: frame.height - margin.bottom, visibility: "hidden" }, svg);
    frame.place.replaceChildren(svg);
    pointerListen(svg);
    stacksDraw();
    cursorDraw();
  }

  /* ------------------------------------------------------------- pointing */

  function timeUnder(event) {
    const box = frame.place.firstChild.getBoundingClientRect();
    const at = (event.clientX - box.left) / box.width * frame.width;
    const t = state.from + (at - margin.left) / frame.inner *
      (state.to - state.from);
    return Math.min(Math.max(t, state.from), state.to);
  }

  function zoom(from, to) {
    state.from = from;
    state.to = to;
    stateWrite();
    draw();
  }

  function pointerListen(svg) {
    let begin = null;
    svg.addEventListener("pointerdown", event => {
      begin = timeUnder(event);
      svg.setPointerCapture(event.pointerId);
    });
    svg.addEventListener("pointermove", event => {
      const t = timeUnder(event);
      state.at = t;
      cursorDraw();
      if (begin === null) return;
      frame.selection.setAttribute("x", x(Math.min(begin, t)));
      frame.selection.setAttribute("width", Math.abs(x(t) - x(begin)));
    });
    svg.addEventListener("pointerup", event => {
      const t = timeUnder(event), from = begin;
      begin = null;
      stateWrite();
      if (from !== null && Math.abs(x(t) - x(from)) > 6)
        zoom(Math.min(from, t), Math.max(from, t));
    });
    svg.addEventListener("dblclick", () => zoom(0, length));
    svg.addEventListener("keydown", event => {
      const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10,
        PageDown: 10 }[event.key];
      if (event.key === "Escape") zoom(0, length);
      if (!step) return;
      event.preventDefault();
      const times = recordings[0].time;
      const now = state.at === null ? 0 : indexAt(times, state.at);
      state.at = times[Math.min(Math.max(now + step, 0), times.length - 1)];
      stateWrite();
      cursorDraw();
    });
  }

  function cursorDraw() {
    const shown = state.at !== null && isSeen(state.at);
    for (const cursor of [frame.cursor, ...stackCursors]) {
      cursor.setAttribute("visibility", shown ? "visible" : "hidden");
      if (!shown) continue;
      cursor.setAttribute("x1", x(state.at));
      cursor.setAttribute("x2", x(state.at));
    }
    readoutDraw();
    legendsDraw();
  }

  function programAt(recording, at) {
    let name = "";
    for (const program of recording.programs)
      if (program.time_s <= at) name = program.command || program.comm;
    return name;
  }

  function readoutDraw() {
    const place = document.getElementById("readout");
    place.replaceChildren();
    if (state.at === null) {
      html("span", place, "No moment is chosen.");
      return;
    }
    recordings.forEach((recording, of) => {
      const i = indexAt(recording.time, state.at);
      const verdict = recording.verdict[i];
      html("div", place, (compared ? "AB"[of] + ": " : "") +
        timeText(recording.time[i], 0.001) + ", " +
        programAt(recording, recording.time[i]) +
        (recording.dead[i] ? ", dead: its last figures" : "") +
        (verdict ? ", " + verdict : ""), "at");
      const list = html("dl", place);
      recording.figures.forEach((figure, number) => {
        const pair = html("div", list);
        html("dt", pair, figure.label);
        const value = html("dd", pair, valueText(figure.values[i],
          figure.unit));
        value.dataset.name = figure.name;
        value.dataset.value = String(figure.values[i]);
        if (number < 4 && recording.most[number][i] !== null &&
            recording.most[number][i] > figure.values[i])
          value.textContent += " (to " + sizeText(recording.most[number][i]) +
            ")";
      });
    });
  }

  /* --------------------------------------------------------------- stacks */

  let stackCursors = [];
  let legends = [];

  function stackDraw(place, classes, layers, title) {
    html("h3", place, title);
    const height = 190, bottom = height - 24, top = 10;
    let most = 1;
    classes.time.forEach((t, i) => {
      const sum = layers.reduce((all, layer) => all + layer[i], 0);
      if (isSeen(t) && sum > most) most = sum;
    });
    most *= 1.05;
    const up = bytes => bottom - bytes / most * (bottom - top);
    const svg = element("svg", { viewBox: `0 0 ${frame.width} ${height}`,
      height, role: "img", "aria-label": title }, html("div", place, undefined,
      "chart"));
    const step = stepOf(most, 4, false);
    for (let v = 0; v <= most; v += step) {
      element("line", { class: "grid", x1: margin.left, y1: up(v),
        x2: frame.width - margin.right, y2: up(v) }, svg);
      element("text", { x: margin.left - 8, y: up(v) + 4,
        "text-anchor": "end" }, svg, v === 0 ? "0" :
        sizeText(v).replace(".0 ", " "));
    }
    const inside = element("g", { "clip-path": "url(#inside)" }, svg);
    const below = classes.time.map(() => 0);
    layers.forEach((layer, number) => {
      const above = layer.map((bytes, i) => below[i] + bytes);
      const forth = classes.time.map((t, i) =>
        x(t).toFixed(1) + "," + up(above[i]).toFixed(1));
      const back = classes.time.map((t, i) =>
        x(t).toFixed(1) + "," + up(below[i]).toFixed(1)).reverse();
      element("path", { d: "M" + forth.concat(back).join("L") + "Z",
        fill: layerColor(classes, number), stroke: "var(--paper)",
        "stroke-width": 0.6 }, inside);
      above.forEach((bytes, i) => { below[i] = bytes; });
    });
    const stepX = stepOf(state.to - state.from, Math.min(10,
      frame.inner / 75), true);
    for (let i = Math.ceil(state.from / stepX - 1e-9);
      i * stepX <= state.to * (1 + 1e-9); i++)
      element("text", { x: x(i * stepX), y: height - 6,
        "text-anchor": "middle" }, svg, i === 0 ? "0" :
        timeText(i * stepX, stepX));
    stackCursors.push(element("line", { class: "cursor", y1: top, y2: bottom,
      visibility: "hidden" }, svg));
  }

  function layerColor(classes, number) {
    return number < classes.sizes.length ? palette[number] : "#b9bec4";
  }

  function legendMake(place, classes) {
    const legend = html("div", place, undefined, "legend");
    const entries = [...classes.sizes.keys(), classes.sizes.length];
    const texts = entries.map(number => {
      const entry = html("span", legend);
      html("i", entry).style.background = layerColor(classes, number);
      return html("span", entry);
    });
    legends.push({ classes, texts });
  }

  /* What each class comes to at the time that is pointed at. */
  function legendsDraw() {
    for (const { classes, texts } of legends) {
      const i = state.at === null ? -1 : indexAt(classes.time, state.at);
      texts.forEach((text, number) => {
        const name = number < classes.sizes.length ?
          sizeText(classes.sizes[number]) : "others";
        text.textContent = i < 0 ? name : name + ": " +
          sizeText(classes.used[number][i]) + " of " +
          sizeText(classes.room[number][i]);
      });
    }
  }

  function stacksDraw() {
    const place = document.getElementById("stacks");
    place.replaceChildren();
    stackCursors = [];
    legends = [];
    recordings.forEach((recording, of) => {
      const classes = recording.classes;
      if (!classes.time.length) return;
      const letter = compared ? "AB"[of] + ": " : "";
      document.getElementById("classes").hidden = false;
      legendMake(place, classes);
      stackDraw(place, classes, classes.used, letter + "in use");
      stackDraw(place, classes, classes.room,
        letter + "what the pages of these blocks have room for");
    });
  }

  /* ---------------------------------------------------------------- begin */

  document.getElementById("timeline").hidden = false;
  seriesMake();
  togglesMake();
  stateRead();
  draw();
  addEventListener("hashchange", () => { stateRead(); draw(); });
  let width = innerWidth;
  addEventListener("resize", () => {
    if (innerWidth !== width) { width = innerWidth; draw(); }
  });
}());
