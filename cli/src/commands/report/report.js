"use strict";
// The gallery: sorts, filters, and paints each case when it comes into view. Data are the JSON of
// #gallery-data; pictures are zlib streams, Base64, behind each other in #gallery-bytes.
(() => {
  const data = JSON.parse(document.getElementById("gallery-data").textContent);
  const bytes = document.getElementById("gallery-bytes").textContent;
  const list = document.getElementById("cards");
  const cards = Array.from(list.children);
  const byId = (id) => document.getElementById(id);
  const layers = { i: true, l: true, u: true, t: true, f: true };
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

  // A canvas as large as the plane, each pixel from `rgba(index)`.
  function plane(maps, rgba) {
    const canvas = document.createElement("canvas");
    canvas.width = maps.columns;
    canvas.height = maps.rows;
    const pixels = new ImageData(maps.columns, maps.rows);
    for (let index = 0; index < maps.image.length; index += 1) pixels.data.set(rgba(index), 4 * index);
    canvas.getContext("2d").putImageData(pixels, 0, 0);
    return canvas;
  }

  // The borders between pixels that `inside` holds and those that it does not.
  function outline(maps, inside, [sx, sy]) {
    const path = new Path2D();
    const { rows, columns } = maps;
    for (let row = 0; row < rows; row += 1) {
      for (let column = 0; column < columns; column += 1) {
        const index = row * columns + column;
        if (!inside(index)) continue;
        const edge = (x0, y0, x1, y1) => {
          path.moveTo((column + x0) * sx, (row + y0) * sy);
          path.lineTo((column + x1) * sx, (row + y1) * sy);
        };
        if (row === 0 || !inside(index - columns)) edge(0, 0, 1, 0);
        if (row === rows - 1 || !inside(index + columns)) edge(0, 1, 1, 1);
        if (column === 0 || !inside(index - 1)) edge(0, 0, 0, 1);
        if (column === columns - 1 || !inside(index + 1)) edge(1, 0, 1, 1);
      }
    }
    return path;
  }

  const rgb = ([red, green, blue], alpha = 1) => `rgb(${red} ${green} ${blue} / ${alpha})`;

  function paintLabels(context, maps, scale, line, chosen) {
    for (const [value, own] of colors) {
      const inside = (index) => maps.labels[index] === value;
      const path = outline(maps, inside, scale);
      const is_chosen = chosen.includes(value);
      context.strokeStyle = rgb(own);
      context.lineWidth = line * (is_chosen ? 3 : 1);
      context.setLineDash([]);
      context.stroke(path);
    }
  }

  function paintTruth(context, maps, scale, line) {
    for (const value of colors.keys()) {
      const path = outline(maps, (index) => maps.truth[index] === value, scale);
      context.lineWidth = line * 1.6;
      context.setLineDash([]);
      context.strokeStyle = "rgb(0 0 0 / 0.6)";
      context.stroke(path);
      context.lineWidth = line;
      context.setLineDash([line * 3.5, line * 2.5]);
      context.strokeStyle = "#fff";
      context.stroke(path);
    }
    context.setLineDash([]);
  }

  function paintFaults(context, maps, scale, line) {
    const inside = (index) => maps.faults[index] > 0;
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
    const { columns } = maps;
    maps.faults.forEach((fault, index) => {
      if (fault > 0) context.fillRect((index % columns) * scale[0], Math.floor(index / columns) * scale[1], ...scale);
    });
    context.strokeStyle = rgb(FAULT);
    context.lineWidth = line * 1.5;
    context.stroke(outline(maps, inside, scale));
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
    const draw = (from, smooth) => {
      context.imageSmoothingEnabled = smooth;
      context.imageSmoothingQuality = "high";
      context.drawImage(from, 0, 0, canvas.width, canvas.height);
    };
    context.fillStyle = "#000";
    context.fillRect(0, 0, canvas.width, canvas.height);
    if (layers.i) draw(plane(maps, (index) => [maps.image[index], maps.image[index], maps.image[index], 255]), true);
    if (layers.u && maps.uncertainty) {
      const opacity = (value) => (value === NOT_LOOKED_AT ? 0 : value * 0.9);
      draw(plane(maps, (index) => [...UNCERTAIN, opacity(maps.uncertainty[index])]), true);
    }
    if (layers.l) {
      const tint = (value) => [...(colors.get(value) || [0, 0, 0]), colors.has(value) ? (chosen.includes(value) ? 140 : 64) : 0];
      draw(plane(maps, (index) => tint(maps.labels[index])), false);
      paintLabels(context, maps, scale, line, chosen);
    }
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
    const button = document.querySelector(`[data-layer="${key}"]`);
    button.setAttribute("aria-pressed", String(layers[key]));
    repaint();
  }

  for (const button of document.querySelectorAll("[data-layer]")) {
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
    if (byId("direction").getAttribute("aria-pressed") === "true") sorted.reverse();
    const wanted = new Set(cards.filter(isWanted));
    for (const card of cards) card.hidden = !wanted.has(card);
    list.replaceChildren(...sorted);
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
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(() => {
    byId("direction").setAttribute("aria-pressed", "false");
    arrange();
  }));
  byId("direction").addEventListener("click", (event) => {
    const pressed = event.currentTarget.getAttribute("aria-pressed") === "true";
    event.currentTarget.setAttribute("aria-pressed", String(!pressed));
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
    const pressed = button.getAttribute("aria-pressed") === "true";
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
    if (document.querySelector(`[data-layer="${CSS.escape(key)}"]`)) toggle(key);
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
