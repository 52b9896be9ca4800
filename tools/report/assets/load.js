"use strict";
/* Data come as scripts, because pages opened from disk may not fetch. A payload is raw deflate in
   a string of 8-bit characters (charset x-user-defined maps a byte to U+F700 plus the byte). */

const pixmo = { waiting: new Map(), held: new Map() };

pixmo.take = (name, text) => pixmo.waiting.get(name)?.(text);

pixmo.inflate = async (text) => {
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at += 1) bytes[at] = text.charCodeAt(at) & 255;
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new Response(stream).arrayBuffer();
};

/* The bytes of data/<path>.js; every path is loaded once. */
pixmo.bytes = (path) => {
  if (!pixmo.held.has(path)) pixmo.held.set(path, pixmo.script(path).then(pixmo.inflate));
  return pixmo.held.get(path);
};

pixmo.script = (path) => new Promise((done, failed) => {
  const script = document.createElement("script");
  const name = path.slice(path.lastIndexOf("/") + 1);
  const end = () => { pixmo.waiting.delete(name); script.remove(); };
  pixmo.waiting.set(name, (text) => { end(); done(text); });
  script.charset = "x-user-defined";
  script.onerror = () => { end(); failed(new Error(`data/${path}.js is missing`)); };
  script.src = `data/${path}.js`;
  document.head.append(script);
});

pixmo.json = async (path) => JSON.parse(new TextDecoder().decode(await pixmo.bytes(path)));

/* JSON that word_coding.py wrote: numbers of words, with a space understood between two of them. */
pixmo.rows = async (path) => {
  const buffer = await pixmo.bytes(path);
  const [, head] = new Uint32Array(buffer, 0, 2);
  const tokens = new TextDecoder().decode(new Uint8Array(buffer, 8, head)).split("\u0001");
  const words = tokens.map((token) => /^\w/.test(token));
  const bytes = new Uint8Array(buffer, 8 + head);
  const parts = [];
  let word = false;
  for (let at = 0; at < bytes.length;) {
    let number = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++];
      number |= (byte & 127) << shift;
      if (byte < 128) break;
    }
    if (word && words[number]) parts.push(" ");
    word = words[number];
    parts.push(tokens[number]);
  }
  return JSON.parse(parts.join(""));
};

/* An element: properties, then children; text is never markup. */
pixmo.el = (name, properties = {}, ...children) => {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (key in made && key !== "list") made[key] = value;
    else made.setAttribute(key, value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return made;
};

pixmo.number = (value) =>
  Number.isInteger(value)
    ? String(value).replace(/\B(?=(\d{3})+$)/g, "\u202f")
    : String(Number(value.toPrecision(3)));
