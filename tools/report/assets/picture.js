"use strict";
/* Pictures: cells of sheets for the list, large ones with their points drawn for one row. */

pixmo.ACROSS = 10;
pixmo.LARGE = 2;

/* A cell of a sheet as an element of at most `width` by `height` pixels. */
pixmo.thumb = (album, at, width, height, alt) => {
  if (at < 0) return pixmo.el("span", { className: "missing" }, "no picture");
  const [w, h] = [album.w[at], album.h[at]];
  const scale = Math.min(width / w, height / h);
  const cell = at % 100;
  const across = pixmo.ACROSS * album.side * scale;
  const x = (cell % pixmo.ACROSS) * album.side * scale;
  const y = Math.floor(cell / pixmo.ACROSS) * album.side * scale;
  const made = pixmo.el("span", { className: "thumb" });
  Object.assign(made.style, {
    width: `${w * scale}px`,
    height: `${h * scale}px`,
    backgroundImage: `url(sheets/${Math.floor(at / 100)}.webp)`,
    backgroundSize: `${across}px auto`,
    backgroundPosition: `-${x}px -${y}px`,
  });
  if (alt) { made.setAttribute("role", "img"); made.setAttribute("aria-label", alt); }
  else made.setAttribute("aria-hidden", "true");
  return made;
};

/* The picture of a row with its points, as large as there is. */
pixmo.picture = (album, at, row, room) => {
  const alt = row.t ? row.t.slice(0, 200) : "picture without text";
  const [fullWidth, fullHeight] = [album.W[at], album.H[at]];
  const scale = Math.min(room / fullWidth, (room * 1.1) / fullHeight);
  const large = album.forms[at] & pixmo.LARGE;
  const [width, height] = [fullWidth * scale, fullHeight * scale];
  const image = large
    ? pixmo.el("img", { src: `large/${at}.jpg`, alt, width: fullWidth, height: fullHeight })
    : pixmo.thumb(album, at, width, height, alt);
  const frame = pixmo.el("span", { className: "frame" }, image, ...pixmo.overlay(album, at, row));
  frame.style.aspectRatio = `${fullWidth} / ${fullHeight}`;
  frame.style.width = `${Math.round(width)}px`;
  return frame;
};

pixmo.overlay = (album, at, row) => {
  const block = row.b.find(([kind]) => kind === "points");
  if (!block) return [];
  const [, unit, groups] = block;
  const svg = pixmo.svg("svg", { class: "points", "aria-hidden": "true" });
  const many = groups.reduce((sum, [, points]) => sum + points.length, 0) > 30;
  const parts = unit === "pixels" ? [album.W[at], album.H[at]] : [100, 100];
  pixmo.numbered(groups).forEach(({ label, points }, group) => points.forEach((point) => {
    const place = [point.x / parts[0], point.y / parts[1]].map((share) => `${100 * share}%`);
    const dot = pixmo.svg("circle", { cx: place[0], cy: place[1], r: many ? 5 : 10,
      class: `g${group % 4}` });
    dot.append(pixmo.svg("title", {}, `${point.name}: ${label}`));
    svg.append(dot);
    if (!many) {
      svg.append(pixmo.svg("text", { x: place[0], y: place[1], dy: "0.35em" }, point.name));
    }
  }));
  return [svg];
};

pixmo.svg = (name, attributes, text = "") => {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.textContent = text;
  return made;
};

/* The enlarged view; closes on Escape, on its button and on a click beside the picture. */
pixmo.enlarge = (album, at, row) => {
  const dialog = document.getElementById("large");
  if (dialog.open || at < 0) return;
  const room = Math.min(innerWidth - 32, ((innerHeight - 96) * 1) / Math.min(1.1, album.H[at] / album.W[at]));
  const close = pixmo.el("button", { type: "button", onclick: () => dialog.close() }, "Close");
  const facts = `${album.W[at]} by ${album.H[at]} pixels`
    + (album.forms[at] & pixmo.LARGE ? "" : "; only a thumbnail is in this report");
  dialog.replaceChildren(
    pixmo.picture(album, at, row, Math.max(200, room)),
    pixmo.el("p", {}, facts, " ", close),
  );
  dialog.onclick = (event) => { if (event.target === dialog) dialog.close(); };
  dialog.showModal();
};
