"use strict";
/* A page of rows: what is asked for (filters, order, search, the address) and what is shown. */

pixmo.page = {
  name: document.getElementById("page")?.dataset.name,
  sounds: {}, chosen: -1, rows: new Uint32Array(0), marks: {}, facts: new Map(), turn: 0,

  async start() {
    const load = (name) => pixmo.bytes(`${this.name}/${name}`);
    this.meta = await pixmo.json(`${this.name}/meta`);
    const [picture, split, audible, w, h, W, H, forms] = await Promise.all([
      load("base-0"), load("base-1"), load("base-2"),
      ...[0, 1, 2, 3, 4].map((at) => pixmo.bytes(`album-${at}`)),
    ]);
    this.picture = new Int32Array(picture);
    this.split = new Uint8Array(split);
    this.audible = new Uint8Array(audible);
    this.album = { side: this.meta.side, w: new Uint8Array(w), h: new Uint8Array(h),
      W: new Uint32Array(W), H: new Uint32Array(H), forms: new Uint8Array(forms) };
    this.sounds = await pixmo.json(`${this.name}/sounds`);
    this.readMarks();
    this.fillChoices();
    const box = this.at("list");
    this.list = new pixmo.List(box, this.at("rows"), 112, (at) => this.item(at));
    addEventListener("hashchange", () => this.follow());
    await this.filter(false);
    await this.follow();
    document.querySelector(".site [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
    document.body.dataset.ready = "yes";
  },

  at: (id) => document.getElementById(id),

  /* --- rows ------------------------------------------------------------------------------- */

  chunkOf(row) {
    const { starts } = this.meta;
    let low = 0;
    for (let high = starts.length; low + 1 < high;) {
      const middle = (low + high) >> 1;
      if (starts[middle] <= row) low = middle; else high = middle;
    }
    return starts[low];
  },

  /* A row of its chunk; the chunks used last stay parsed. */
  async row(number) {
    const start = this.chunkOf(number);
    const path = `${this.name}/rows-${start}`;
    this.chunks ??= new Map();
    const chunk = this.chunks.get(start) ?? pixmo.rows(path);
    this.chunks.delete(start);
    this.chunks.set(start, chunk);
    pixmo.held.delete(path);
    if (this.chunks.size > 16) this.chunks.delete(this.chunks.keys().next().value);
    return (await chunk)[number - start];
  },

  hasLarge(number) {
    const at = this.picture[number];
    return at >= 0 && Boolean(this.album.forms[at] & pixmo.LARGE);
  },

  item(at) {
    const number = this.rows[at];
    const text = pixmo.el("span", { className: "excerpt", dir: "auto" }, "…");
    const chips = pixmo.el("span", { className: "chips" });
    const link = pixmo.el("a", { href: `#n=${number}` },
      pixmo.el("span", { className: "cell" },
        pixmo.thumb(this.album, this.picture[number], 96, 88)),
      pixmo.el("span", { className: "words" }, text, chips));
    link.onclick = (event) => { event.preventDefault(); this.choose(at, true); };
    if (number === this.chosen) link.setAttribute("aria-current", "true");
    const item = pixmo.el("li", {}, link);
    this.row(number).then((row) => {
      text.textContent = row.t || "(no text)";
      link.href = `#row=${row.id}`;
      item.dataset.id = row.id;
      this.showChips(chips, number, row);
    });
    return item;
  },

  showChips(box, number, row) {
    const why = row.b.find(([kind]) => kind === "why");
    const mark = this.marks[row.id];
    const names = why ? why[1] : [this.meta.splits[this.split[number]]];
    const chips = names.map((name) => pixmo.el("span", { className: "chip" }, name));
    if (this.audible[number]) chips.push(pixmo.el("span", { className: "chip" }, "sound"));
    if (mark) chips.push(pixmo.el("span", { className: `chip ${mark}` }, mark));
    box.replaceChildren(...chips);
  },

  /* --- one row ---------------------------------------------------------------------------- */

  async choose(at, focus = false) {
    if (at < 0 || at >= this.rows.length) return;
    this.place = at;
    this.chosen = this.rows[at];
    for (const [other, node] of this.list.shown) {
      const link = node.firstChild;
      if (other === at) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
    this.list.reveal(at);
    const row = await this.row(this.chosen);
    if (this.rows[at] !== this.chosen) return;
    history.replaceState(null, "", `#row=${row.id}`);
    if (focus) document.body.classList.add("reading");
    this.show(row);
    if (focus) {
      this.at("row").focus({ preventScroll: true });
      if (this.narrow()) scrollTo(0, 0);
    }
  },

  narrow: () => matchMedia("(max-width: 819px)").matches,

  show(row) {
    this.shown = row;
    const pane = this.at("row");
    const number = this.chosen;
    const at = this.picture[number];
    const split = this.meta.splits[this.split[number]];
    // A caption stands below its picture and beside the transcripts it was made from.
    const spoken = row.b.some(([kind]) => kind === "speech");
    const left = (kind) => kind === "why" || (spoken && kind === "text");
    const draw = (wanted) => row.b
      .filter(([kind]) => pixmo.blocks[kind] && left(kind) === wanted)
      .map(([kind, ...values]) => pixmo.blocks[kind](values, this));
    const first = pixmo.el("div", { className: "texts" }, this.figure(at, row), draw(true));
    const second = pixmo.el("div", { className: "texts" }, draw(false));
    for (const texts of [first, second]) pixmo.search.highlight(texts, this.at("search").value);
    const title = `Row ${pixmo.number(this.place + 1)} of ${pixmo.number(this.rows.length)}`;
    const turn = (text, step) => pixmo.el("button", { type: "button", className: "quiet",
      disabled: !this.rows.length || this.place + step < 0 || this.place + step >= this.rows.length,
      onclick: () => this.choose(this.place + step) }, text);
    pane.replaceChildren(
      pixmo.el("header", { className: "row-head" },
        pixmo.el("button", { type: "button", className: "back quiet",
          onclick: () => this.back() }, "Back"),
        pixmo.el("h2", {}, title),
        pixmo.el("span", { className: "chip" }, split),
        pixmo.el("a", { className: "facts", href: `#row=${row.id}`, title: "Link to this row" },
          row.id),
        pixmo.el("span", { className: "push" }),
        this.markButtons(row), turn("Previous", -1), turn("Next", 1)),
      pixmo.el("div", { className: "row-body" }, first, second));
    pane.scrollTop = 0;
  },

  figure(at, row) {
    if (at < 0) return pixmo.el("div", { className: "shown missing" }, "The picture is missing.");
    const pane = this.at("row").clientWidth;
    const room = Math.min(520, this.narrow() ? pane - 28 : 0.46 * (pane - 72));
    const open = pixmo.el("button", { type: "button", className: "shown",
      onclick: () => pixmo.enlarge(this.album, at, row) },
      pixmo.picture(this.album, at, row, Math.max(160, room)));
    const size = `${this.album.W[at]} by ${this.album.H[at]} pixels`;
    const note = this.hasLarge(this.chosen) ? "" : "; not in the sample, so enlarged from a thumbnail";
    return pixmo.el("figure", {}, open, pixmo.el("figcaption", { className: "facts" }, size + note));
  },

  back() {
    document.body.classList.remove("reading");
    this.list.draw();
    this.list.reveal(this.place);
    this.list.shown.get(this.place)?.firstChild.focus();
  },

  /* --- the address ------------------------------------------------------------------------ */

  async follow() {
    const wanted = /^#(row|n)=(\w+)$/.exec(location.hash);
    if (!wanted) {
      if (this.rows.length && this.chosen < 0 && !this.narrow()) await this.choose(0);
      return;
    }
    const number = wanted[1] === "n" ? Number(wanted[2]) : await this.find(wanted[2]);
    if (number < 0 || number >= this.meta.rows) {
      this.say(`There is no row ${wanted[2]} on this page.`);
      return;
    }
    let at = this.rows.indexOf(number);
    if (at < 0) { this.resetChoices(); await this.filter(false); at = this.rows.indexOf(number); }
    await this.choose(at, true);
  },

  async find(id) {
    this.ids ??= new Uint8Array(await pixmo.bytes(`${this.name}/ids`));
    const wanted = (id.match(/../g) ?? []).map((pair) => parseInt(pair, 16));
    if (wanted.length !== 6) return -1;
    for (let at = 0; at < this.ids.length; at += 6) {
      if (wanted.every((byte, index) => this.ids[at + index] === byte)) return at / 6;
    }
    return -1;
  },

  /* --- what is asked for ------------------------------------------------------------------ */

  fillChoices() {
    const { splits, facts } = this.meta;
    const fill = (name, entries) => {
      this.at(name).replaceChildren(...entries.map(([value, text]) => new Option(text, value)));
      this.at(`${name}-label`).hidden = entries.length < 2;
    };
    const words = (name) => name.replace(/^tag /, "");
    const all = facts.map((fact, at) => [at, fact.name]);
    const reasons = all.filter(([, name]) => name.startsWith("why "));
    const figures = all.filter(([, name]) => !name.startsWith("why "));
    fill("split", splits.length > 1 ? [["", "all"], ...splits.map((name, at) => [at, name])] : []);
    fill("why", reasons.length ? [["", "any"], ...reasons.map(([at, name]) => [at, name.slice(4)])] : []);
    fill("tag", figures.length ? [["", "any"], ...figures.map(([at, name]) => [at, words(name)])] : []);
    fill("order", [["", "as released"], ["random", "random"],
      ...figures.flatMap(([at, name]) => [[`-${at}`, `${words(name)}, highest first`],
        [`+${at}`, `${words(name)}, lowest first`]])]);
    fill("mark", [["", "all"], ["good", "good"], ["doubt", "doubt"], ["none", "without mark"]]);
    const sampled = this.picture.reduce((sum, _, row) => sum + (this.hasLarge(row) ? 1 : 0), 0);
    this.at("audible-label").hidden = !this.audible.some(Boolean);
    this.at("sampled-label").hidden = !sampled || sampled === this.meta.rows;
    let waiting = 0;
    this.at("search").oninput = () => { clearTimeout(waiting); waiting = setTimeout(() => this.filter(), 160); };
    for (const name of ["split", "why", "order", "mark", "audible", "sampled"]) {
      this.at(name).onchange = () => this.filter();
    }
    this.at("tag").onchange = () => { this.suggestLimit(); this.filter(); };
    this.at("over").oninput = () => this.filter();
    this.at("reset").onclick = () => { this.resetChoices(); this.filter(); };
    this.at("save-marks").onclick = () => this.saveMarks();
    this.at("more").onclick = () => this.toggleChoices();
  },

  toggleChoices() {
    const open = document.body.classList.toggle("choosing");
    this.at("more").setAttribute("aria-expanded", String(open));
  },

  suggestLimit() {
    const fact = this.meta.facts[this.at("tag").value];
    this.at("over-label").hidden = this.at("tag").value === "";
    this.at("over").value = fact ? fact.limit ?? Number(((fact.low + fact.high) / 2).toPrecision(2)) : "";
  },

  resetChoices() {
    for (const name of ["search", "split", "why", "tag", "order", "mark"]) this.at(name).value = "";
    for (const name of ["audible", "sampled"]) this.at(name).checked = false;
    this.suggestLimit();
  },

  async fact(at) {
    if (!this.facts.has(at)) {
      this.facts.set(at, new Float32Array(await pixmo.bytes(`${this.name}/fact-${at}`)));
    }
    return this.facts.get(at);
  },

  async filter(choose = true) {
    const turn = ++this.turn;
    const query = this.at("search").value;
    const found = await pixmo.search.rows(this.name, this.meta.rows, query);
    const tests = await this.tests();
    if (found) tests.push((row) => found[row]);
    const rows = [];
    for (let row = 0; row < this.meta.rows; row += 1) {
      if (tests.every((test) => test(row))) rows.push(row);
    }
    const sorted = await this.sorted(rows);
    if (turn !== this.turn) return;
    this.rows = Uint32Array.from(sorted);
    this.list.box.scrollTop = 0;
    this.list.reset(this.rows.length);
    this.at("list").classList.toggle("none", !this.rows.length);
    const all = `${pixmo.number(this.meta.rows)} ${this.meta.rows === 1 ? "row" : "rows"}`;
    this.say(this.rows.length === this.meta.rows ? all : `${pixmo.number(this.rows.length)} of ${all}`);
    if (!choose) return;
    if (this.rows.length) { if (!this.narrow()) await this.choose(0); } else this.showNone();
  },

  showNone() {
    this.at("row").replaceChildren(pixmo.el("p", { className: "empty" },
      "No row is like this. Use fewer words or reset the filters."));
  },

  async tests() {
    const tests = [];
    const value = (name) => this.at(name).value;
    if (value("split") !== "") tests.push((row) => this.split[row] === Number(value("split")));
    if (value("why") !== "") {
      const fact = await this.fact(Number(value("why")));
      tests.push((row) => fact[row] === 1);
    }
    if (value("tag") !== "" && value("over") !== "") {
      const fact = await this.fact(Number(value("tag")));
      const least = Number(value("over")) - 1e-6;
      tests.push((row) => fact[row] >= least);
    }
    if (this.at("audible").checked) tests.push((row) => this.audible[row]);
    if (this.at("sampled").checked) tests.push((row) => this.hasLarge(row));
    if (value("mark") !== "") {
      const id = await this.idOf();
      const wanted = value("mark") === "none" ? undefined : value("mark");
      tests.push((row) => this.marks[id(row)] === wanted);
    }
    return tests;
  },

  async idOf() {
    this.ids ??= new Uint8Array(await pixmo.bytes(`${this.name}/ids`));
    const hex = (byte) => byte.toString(16).padStart(2, "0");
    return (row) => Array.from(this.ids.subarray(6 * row, 6 * row + 6), hex).join("");
  },

  async sorted(rows) {
    const order = this.at("order").value;
    if (order === "random") {
      for (let at = rows.length - 1; at > 0; at -= 1) {
        const other = Math.floor(Math.random() * (at + 1));
        [rows[at], rows[other]] = [rows[other], rows[at]];
      }
    } else if (order) {
      const fact = await this.fact(Number(order.slice(1)));
      const sign = order[0] === "-" ? -1 : 1;
      const key = (row) => (Number.isNaN(fact[row]) ? Infinity : sign * fact[row]);
      rows.sort((a, b) => key(a) - key(b) || a - b);
    }
    return rows;
  },

  say(text) { this.at("count").textContent = text; },

  /* --- marks of the reviewer: kept by the browser, saved as a file ---------------------------- */

  key: () => `pixmo-marks ${location.pathname}`,

  readMarks() {
    try { this.marks = JSON.parse(localStorage.getItem(this.key()) ?? "{}"); } catch { this.marks = {}; }
    this.at("save-marks").hidden = !Object.keys(this.marks).length;
  },

  mark(verdict) {
    if (!this.shown) return;
    const { id } = this.shown;
    if (verdict && this.marks[id] !== verdict) this.marks[id] = verdict; else delete this.marks[id];
    try { localStorage.setItem(this.key(), JSON.stringify(this.marks)); } catch { /* kept until the page closes */ }
    this.at("save-marks").hidden = !Object.keys(this.marks).length;
    this.at("marks")?.replaceWith(this.markButtons(this.shown));
    const node = this.list.shown.get(this.place);
    if (node) this.showChips(node.querySelector(".chips"), this.chosen, this.shown);
    this.say(`${verdict && this.marks[id] ? `Marked ${verdict}` : "Mark taken away"}: row ${id}`);
  },

  markButtons(row) {
    const button = (verdict, text) => pixmo.el("button", { type: "button", className: `mark ${verdict}`,
      "aria-pressed": String(this.marks[row.id] === verdict), onclick: () => this.mark(verdict) }, text);
    const made = pixmo.el("span", { id: "marks", role: "group" },
      button("good", "Good"), button("doubt", "Doubt"));
    made.setAttribute("aria-label", "Mark this row");
    return made;
  },

  saveMarks() {
    const lines = Object.entries(this.marks)
      .map(([row, mark]) => `${JSON.stringify({ page: this.name, row, mark })}\n`);
    const url = URL.createObjectURL(new Blob(lines, { type: "application/x-ndjson" }));
    pixmo.el("a", { href: url, download: `${this.name}-marks.jsonl` }).click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
  },
};

if (pixmo.page.name) {
  pixmo.page.start().catch((error) => {
    const said = `${error.message}. Open the page from a whole report folder, in a current browser.`;
    pixmo.page.say(said);
    throw error;
  });
}
