"use strict";
// The gallery: sorts, filters, and paints each case when it comes into view. Data are the JSON of
// #gallery-data; pictures are zlib streams, Base64, behind each other in #gallery-bytes.
(() => {
  const data = JSON.parse(document.getElementById("gallery-data").textContent);
  const bytes = document.getElementById("gallery-bytes").textContent;
  const list = document.getElementById("cards");
  const cards = Array.from(list.children);
  const byId = (id) => document.getElementById(id);
  const switches = Array.from(document.querySelectorAll("[data-layer]"));
  const isPressed = (button) => button.getAttribute("aria-pressed") === "true";
  const layers = Object.fromEntries(switches.map((button) => [button.dataset.layer, isPressed(button)]));
  // Cases whose pictures are kept painted for the printer.
  const PRINTED = 12;
  // Pixels along the longer side of what is painted, small and large.
  const SMALL = 480;
  const LARGE = 960;
  let shown = cards;

  // --- pictures ---------------------------------------------------------------------------------

  const styles = getComputedStyle(document.documentElement);
  const color = (name) => styles.getPropertyValue(name).trim().split(/\s+/).map(Number);
  const UNCERTAIN = color("--uncertain");
  const FAULT = color("--fault");
  const NOT_LOOKED_AT = 255;
  const colors = new Map(data.labels.map((label) => [label.value, label.color]));
  const unpacked = new Map();

  async function unpack(number) {
    const picture = data.pictures[number];
    const text = atob(bytes.slice(picture.at[0], picture.at[1]));
    const packed = Uint8Array.from(text, (letter) => letter.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
    const all = new Uint8Array(await new Response(stream).arrayBuffer());
    const length = picture.size[0] * picture.size[1];
    let start = 0;
    const next = (there) => (there ? all.subarray(start, (start += length)) : null);
    return {
      rows: picture.size[0],
      columns: picture.size[1],
      image: next(true),
      labels: next(true),
      uncertainty: next(picture.uncertainty),
      truth: next(picture.truth),
      faults: next(picture.faults),
    };
  }

  function planes(number) {
    if (!unpacked.has(number)) unpacked.set(number, unpack(number));
    return unpacked.get(number);
  }

  // Red, green, blue and opacity for each byte.
  function palette(rgba) {
    const bytes = new Uint8ClampedArray(4 * 256);
    for (let value = 0; value < 256; value += 1) bytes.set(rgba(value), 4 * value);
    return new Uint32Array(bytes.buffer);
  }

  const GRAYS = palette((value) => [value, value, value, 255]);
  const DOUBTS = palette((value) => [...UNCERTAIN, value === NOT_LOOKED_AT ? 0 : value * 0.9]);

  // A canvas as large as the plane.
  function plane(maps, layer, colors) {
    const canvas = document.createElement("canvas");
    canvas.width = maps.columns;
    canvas.height = maps.rows;
    const pixels = new ImageData(maps.columns, maps.rows);
    const words = new Uint32Array(pixels.data.buffer);
    for (let index = 0; index < words.length; index += 1) words[index] = colors[layer[index]];
    canvas.getContext("2d").putImageData(pixels, 0, 0);
    return canvas;
  }

  // The borders of all pixels that `inside` holds, as closed lines through the middles of pixels' sides.
  function outline(maps, inside, [sx, sy]) {
    const { rows, columns } = maps;
    const width = columns + 1;
    // From corner to corner, with the inside on the right.
    const steps = new Map();
    const step = (from, to) => (steps.has(from) ? steps.get(from).push(to) : steps.set(from, [to]));
    for (let row = 0; row < rows; row += 1) {
      for (let column = 0; column < columns; column += 1) {
        const index = row * columns + column;
        if (!inside(index)) continue;
        const corner = row * width + column;
        if (row === 0 || !inside(index - columns)) step(corner, corner + 1);
        if (column === columns - 1 || !inside(index + 1)) step(corner + 1, corner + 1 + width);
        if (row === rows - 1 || !inside(index + columns)) step(corner + 1 + width, corner + width);
        if (column === 0 || !inside(index - 1)) step(corner + width, corner);
      }
    }
    const path = new Path2D();
    const point = (from, to) => [
      (((from % width) + (to % width)) / 2) * sx,
      ((Math.floor(from / width) + Math.floor(to / width)) / 2) * sy,
    ];
    for (const first of steps.keys()) {
      while (steps.get(first).length) {
        let at = first;
        let isFirst = true;
        while (steps.get(at).length) {
          const to = steps.get(at).pop();
          if (isFirst) path.moveTo(...point(at, to));
          else path.lineTo(...point(at, to));
          isFirst = false;
          at = to;
        }
        path.closePath();
      }
    }
    return path;
  }

  const rgb = ([red, green, blue], alpha = 1) => `rgb(${red} ${green} ${blue} / ${alpha})`;

  function paintLabels(context, maps, scale, line, chosen) {
    for (const [value, own] of colors) {
      const path = outline(maps, (index) => maps.labels[index] === value, scale);
      const isChosen = chosen.includes(value);
      context.fillStyle = rgb(own, isChosen ? 0.55 : 0.25);
      context.fill(path, "evenodd");
      context.strokeStyle = rgb(own);
      context.lineWidth = line * (isChosen ? 3 : 1.2);
      context.stroke(path);
    }
  }

  function paintTruth(context, maps, scale, line) {
    for (const value of colors.keys()) {
      const path = outline(maps, (index) => maps.truth[index] === value, scale);
      for (const [width, style] of [[2, "rgb(0 0 0 / 0.7)"], [1.2, "#fff"]]) {
        context.setLineDash([line * 4, line * 3]);
        context.lineWidth = line * width;
        context.strokeStyle = style;
        context.stroke(path);
      }
    }
    context.setLineDash([]);
  }

  function paintFaults(context, maps, scale, line) {
    const path = outline(maps, (index) => maps.faults[index] > 0, scale);
    const hatched = document.createElement("canvas");
    hatched.width = hatched.height = Math.ceil(line * 4);
    const hatch = hatched.getContext("2d");
    hatch.strokeStyle = rgb(FAULT);
    hatch.lineWidth = line;
    for (const shift of [-1, 0, 1]) {
      hatch.moveTo(shift * hatched.width, hatched.height);
      hatch.lineTo((shift + 1) * hatched.width, 0);
    }
    hatch.stroke();
    context.fillStyle = context.createPattern(hatched, "repeat");
    context.fill(path, "evenodd");
    context.strokeStyle = rgb(FAULT);
    context.lineWidth = line * 1.6;
    context.stroke(path);
  }

  // Image, then what covers areas, then what are lines, so that nothing hides another thing.
  async function paint(canvas, number, longest, chosen = []) {
    const maps = await planes(number);
    const { ratio } = data.pictures[number];
    canvas.width = Math.round(ratio >= 1 ? longest : longest * ratio);
    canvas.height = Math.round(ratio >= 1 ? longest / ratio : longest);
    const context = canvas.getContext("2d");
    const scale = [canvas.width / maps.columns, canvas.height / maps.rows];
    const line = longest / 240;
    const draw = (from) => context.drawImage(from, 0, 0, canvas.width, canvas.height);
    context.imageSmoothingQuality = "high";
    context.fillStyle = "#000";
    context.fillRect(0, 0, canvas.width, canvas.height);
    if (layers.i) draw(plane(maps, maps.image, GRAYS));
    if (layers.u && maps.uncertainty) draw(plane(maps, maps.uncertainty, DOUBTS));
    if (layers.l) paintLabels(context, maps, scale, line, chosen);
    if (layers.f && maps.faults) paintFaults(context, maps, scale, line);
    if (layers.t && maps.truth) paintTruth(context, maps, scale, line);
    canvas.dataset.layers = Object.keys(layers).filter((key) => layers[key]).join("");
    if (!document.documentElement.dataset.painted) {
      document.documentElement.dataset.painted = String(performance.now());
    }
  }

  const numberOf = (card) => Number(card.dataset.number);
  const canvasOf = (card) => card.querySelector(".picture canvas");

  function chosenOf(root, number) {
    const pressed = root.querySelector("[data-reason][aria-pressed=true]");
    return pressed ? data.pictures[number].reasons[Number(pressed.dataset.reason)] : [];
  }

  function paintCard(card) {
    const canvas = canvasOf(card);
    if (!canvas) return Promise.resolve();
    card.dataset.painted = "";
    return paint(canvas, numberOf(card), SMALL, chosenOf(card, numberOf(card)));
  }

  // A canvas out of view gives its memory back.
  function forget(card) {
    const canvas = canvasOf(card);
    if (!canvas || card.classList.contains("printed")) return;
    delete card.dataset.painted;
    canvas.width = canvas.height = 1;
    unpacked.delete(numberOf(card));
  }

  const near = new IntersectionObserver(
    (entries) => {
      for (const entry of entries) {
        if (entry.isIntersecting) paintCard(entry.target);
        else if ("painted" in entry.target.dataset) forget(entry.target);
      }
    },
    { rootMargin: "600px" },
  );

  function repaint() {
    for (const card of list.querySelectorAll(".card[data-painted]")) paintCard(card);
    if (dialog.open) paintLarge();
  }

  // --- layers -----------------------------------------------------------------------------------

  function toggle(key) {
    layers[key] = !layers[key];
    switches.find((button) => button.dataset.layer === key).setAttribute("aria-pressed", String(layers[key]));
    repaint();
  }

  for (const button of switches) {
    button.addEventListener("click", () => toggle(button.dataset.layer));
  }

  // --- order and filters ------------------------------------------------------------------------

  const numberIn = (card, name) => (name in card.dataset ? Number(card.dataset[name].replace("inf", "Infinity")) : NaN);
  const RANK = ["invalid", "unmeasurable", "valid"];
  // Each puts first what is to be looked at first.
  const ORDERS = {
    worst: (a, b) => numberOf(a) - numberOf(b),
    uncertainty: (a, b) => lastIfAbsent(-numberIn(a, "uncertainty"), -numberIn(b, "uncertainty")),
    dice: (a, b) => lastIfAbsent(numberIn(a, "dice"), numberIn(b, "dice")),
    verdict: (a, b) => RANK.indexOf(a.dataset.verdict) - RANK.indexOf(b.dataset.verdict),
    name: (a, b) => a.dataset.name.localeCompare(b.dataset.name, undefined, { numeric: true }),
  };

  function lastIfAbsent(a, b) {
    if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
    return a === b ? 0 : a < b ? -1 : 1;
  }

  const valueOf = (id) => (byId(id) ? byId(id).value : "");

  function isWanted(card) {
    const verdict = valueOf("verdict");
    const from = valueOf("uncertainty-from");
    const to = valueOf("dice-to");
    const name = valueOf("name").trim().toLowerCase();
    return (
      (verdict === "" || card.dataset.verdict === verdict) &&
      (from === "" || numberIn(card, "uncertainty") >= Number(from)) &&
      (to === "" || numberIn(card, "dice") <= Number(to)) &&
      card.dataset.name.toLowerCase().includes(name)
    );
  }

  function arrange() {
    const sorted = [...cards].sort(ORDERS[valueOf("order")]);
    if (isPressed(byId("direction"))) sorted.reverse();
    const wanted = new Set(cards.filter(isWanted));
    for (const card of cards) card.hidden = !wanted.has(card);
    if (sorted.some((card, place) => card !== list.children[place])) list.replaceChildren(...sorted);
    shown = sorted.filter((card) => wanted.has(card));
    byId("count").textContent = `${shown.length} of ${cards.length} cases`;
    byId("none").hidden = shown.length > 0;
    keepForPrint();
  }

  function keepForPrint() {
    const kept = shown.slice(0, PRINTED);
    for (const card of list.querySelectorAll(".printed")) card.classList.remove("printed");
    for (const card of kept) card.classList.add("printed");
    const all = shown.length === kept.length ? "" : `The first ${kept.length} of ${shown.length} cases; the file shows all.`;
    byId("print-note").textContent = all;
    // Not before the page has come up.
    const paintKept = () => kept.filter((card) => !("painted" in card.dataset)).forEach(paintCard);
    if (window.requestIdleCallback) requestIdleCallback(paintKept);
    else setTimeout(paintKept, 500);
  }

  const form = byId("controls");
  form.addEventListener("input", arrange);
  form.addEventListener("change", arrange);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(() => {
    byId("direction").setAttribute("aria-pressed", "false");
    arrange();
  }));
  byId("direction").addEventListener("click", (event) => {
    event.currentTarget.setAttribute("aria-pressed", String(!isPressed(event.currentTarget)));
    arrange();
  });

  // --- a case, large ----------------------------------------------------------------------------

  const dialog = byId("large");
  let open = null;

  function paintLarge() {
    const number = numberOf(open);
    return paint(dialog.querySelector("canvas"), number, LARGE, chosenOf(dialog, number));
  }

  function enlarge(card) {
    open = card;
    const text = dialog.querySelector(".large-text");
    const parts = card.querySelectorAll("h3, p.verdict, dl, .reasons");
    text.replaceChildren(...Array.from(parts, (part) => part.cloneNode(true)));
    dialog.setAttribute("aria-label", card.dataset.name);
    if (!dialog.open) dialog.showModal();
    paintLarge();
  }

  function step(by) {
    const withPicture = shown.filter(canvasOf);
    const next = withPicture[withPicture.indexOf(open) + by];
    if (next) enlarge(next);
  }

  dialog.addEventListener("close", () => open.querySelector("button.picture").focus());
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog || event.target.closest("[data-close]")) dialog.close();
    const button = event.target.closest("[data-step]");
    if (button) step(Number(button.dataset.step));
  });

  // A reason shows the structure that it is about.
  function choose(button, root) {
    const pressed = isPressed(button);
    for (const other of root.querySelectorAll("[data-reason]")) other.setAttribute("aria-pressed", "false");
    button.setAttribute("aria-pressed", String(!pressed));
  }

  list.addEventListener("click", (event) => {
    const card = event.target.closest(".card");
    const reason = event.target.closest("[data-reason]");
    if (event.target.closest("button.picture")) enlarge(card);
    if (reason && canvasOf(card)) {
      choose(reason, card);
      paintCard(card);
    }
  });

  dialog.addEventListener("click", (event) => {
    const reason = event.target.closest("[data-reason]");
    if (!reason) return;
    choose(reason, dialog);
    paintLarge();
  });

  // --- keys -------------------------------------------------------------------------------------

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea")) return;
    const key = event.key.toLowerCase();
    const by = { arrowleft: -1, arrowright: 1 }[key];
    if (key in layers) toggle(key);
    else if (by && dialog.open) step(by);
    else if (by && event.target.matches("button.picture")) {
      const withPicture = shown.filter(canvasOf);
      withPicture[withPicture.indexOf(event.target.closest(".card")) + by]?.querySelector("button.picture").focus();
    } else return;
    event.preventDefault();
  });

  arrange();
  for (const card of cards) near.observe(card);
})();
