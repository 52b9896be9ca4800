"use strict";
/* What a row is made of, drawn: one function for each kind of block that views.py writes. */

pixmo.blocks = {
  text: ([label, text]) => pixmo.part(label, pixmo.prose(text)),

  speech: ([rows], page) => {
    const items = rows.map(([said, cleaned, id], at) => {
      const [file, seconds, language, speaker] = page.sounds[id] ?? ["", 0, "", ""];
      const facts = [seconds && `${seconds} s`, language, speaker && `speaker ${speaker}`];
      const name = `Recording ${at + 1}`;
      return pixmo.el("li", {},
        pixmo.el("p", { className: "facts" }, [name, ...facts.filter(Boolean)].join(" · ")),
        file
          ? pixmo.el("audio", { controls: true, preload: "none", src: `sounds/${file}`,
              "aria-label": name })
          : null,
        pixmo.prose(said, language),
        cleaned && cleaned !== said
          ? pixmo.el("details", {}, pixmo.el("summary", {}, "Cleaned text"),
              pixmo.prose(cleaned, language))
          : null);
    });
    const title = rows.length === 1 ? "Transcript" : `Transcripts (${rows.length})`;
    return pixmo.part(title, pixmo.el("ol", { className: "speech" }, items));
  },

  qa: ([pairs]) => {
    const items = pairs.map(([question, answer]) => pixmo.el("li", {},
      pixmo.el("p", { className: "ask", dir: "auto" }, pixmo.el("b", {}, "Q "), question),
      pixmo.el("p", { className: "tell", dir: "auto" }, pixmo.el("b", {}, "A "), answer)));
    const title = pairs.length === 1 ? "Question and answer" : `Questions (${pairs.length})`;
    return pixmo.part(title, pixmo.el("ol", { className: "turns" }, items));
  },

  turns: ([messages]) => {
    const items = messages.map((text, at) => pixmo.el("li", { className: at % 2 ? "them" : "us" },
      pixmo.el("p", { dir: "auto" }, pixmo.el("b", {}, at % 2 ? "A " : "Q "), text)));
    return pixmo.part(`Turns (${messages.length})`, pixmo.el("ol", { className: "turns" }, items));
  },

  points: ([unit, groups]) => {
    const lines = pixmo.numbered(groups).map(({ label, points }) => pixmo.el("li", {},
      pixmo.el("span", { dir: "auto" }, label || "(no label)"),
      pixmo.el("span", { className: "facts" },
        ` ${points.map(({ name, x, y }) => `${name}: ${x}, ${y}`).join(" · ")}`)));
    const total = groups.reduce((sum, [, points]) => sum + points.length, 0);
    const title = `Points (${total}), in ${unit === "pixels" ? "pixels" : "percent"}`;
    return pixmo.part(title, pixmo.el("ol", { className: "plain" }, lines));
  },

  why: ([rules]) => pixmo.part("Why it was dropped",
    pixmo.el("ul", { className: "why" }, rules.map((rule) => pixmo.el("li", {}, rule)))),

  facts: ([pairs]) => pixmo.part("Columns", pixmo.pairs(pairs)),

  tags: ([tags], page) => {
    const rows = tags.map(([name, score]) => {
      const limit = page.meta.limits[name];
      const broken = limit !== undefined && score >= limit;
      const verdict = limit === undefined ? "no limit" : `${broken ? "over" : "under"} ${limit}`;
      return pixmo.el("tr", { className: broken ? "broken" : "" },
        pixmo.el("th", { scope: "row" }, name),
        pixmo.el("td", { className: "num" }, String(score)),
        pixmo.el("td", {}, broken ? pixmo.el("b", {}, verdict) : verdict));
    });
    const heads = ["tag", "score", "limit"].map((text) => pixmo.el("th", { scope: "col" }, text));
    return pixmo.fold("Tags", pixmo.el("table", {},
      pixmo.el("caption", {}, "Tags with their limits"),
      pixmo.el("thead", {}, pixmo.el("tr", {}, heads)), pixmo.el("tbody", {}, rows)), true);
  },

  made: ([pairs]) => pixmo.fold("What made it", pixmo.pairs(pairs)),
};

pixmo.part = (title, ...content) =>
  pixmo.el("section", {}, pixmo.el("h3", {}, title), ...content);

pixmo.fold = (title, content, open = false) =>
  pixmo.el("details", { className: "fold", open }, pixmo.el("summary", {}, title), content);

pixmo.prose = (text, language) =>
  pixmo.el("p", { className: "prose", dir: "auto", lang: language || null }, text);

pixmo.pairs = (pairs) => pixmo.el("dl", {}, pairs.flatMap(([name, value]) => [
  pixmo.el("dt", {}, name.replaceAll("_", " ")),
  pixmo.el("dd", { dir: "auto" }, /^https?:\/\//.test(value)
    ? pixmo.el("a", { href: value, rel: "noreferrer noopener", target: "_blank" }, value)
    : value),
]));

/* Points with the names that the picture and the list give them: 1, 2, ... or 1a, 1b, ... */
pixmo.numbered = (groups) => groups.map(([label, points], group) => ({
  label,
  points: points.flatMap(([x, y], at) => {
    if (x === null || y === null) return [];
    const letter = points.length > 1 ? String.fromCharCode(97 + (at % 26)) : "";
    return [{ name: groups.length > 1 ? `${group + 1}${letter}` : String(at + 1), x, y }];
  }),
}));
