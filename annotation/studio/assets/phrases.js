/*
 * The phrases of an annotation and their points.
 *
 * A point belongs to the phrase in its own TextArea `phrase`; a phrase that is not in the picture
 * is an entry of TextArea `absent`. Everything else is drawn from these, so that undo, drafts and
 * submitted annotations need no care. Only phrases that have neither yet are kept here, and are
 * gone when the page is left.
 */
(() => {
  "use strict";

  const { panel, element, annotation, points, paint } = window.Pixmo;
  const COLOURS = [
    "#e6194b", "#0082c8", "#f58231", "#911eb4", "#008080", "#d2a400", "#3cb44b", "#f032e6",
    "#800000", "#000080", "#46c8d8", "#aa6e28",
  ];
  const LONGEST = 200;

  /** Annotation id -> {known: phrases in the order in which they were seen, current}. */
  const seen = new Map();

  const same = (one, other) => one.toLowerCase() === other.toLowerCase();
  const tidy = (text) => text.replace(/\s+/g, " ").trim();
  const many = (count, noun) => `${count} ${noun}${count === 1 ? "" : "s"}`;

  function state(open) {
    if (!seen.has(open.id)) seen.set(open.id, { known: [], current: null, renaming: null });
    return seen.get(open.id);
  }

  function phraseOf(open, region) {
    const tag = open.names.get("phrase");
    const result = region.results.find((one) => one.from_name === tag);
    const texts = result ? [].concat(result.mainValue.toJSON?.() ?? result.mainValue) : [];
    return tidy(texts.join(" "));
  }

  function setPhrase(open, regions, phrase) {
    const tag = open.names.get("phrase");
    open.history.freeze("pixmo");
    for (const region of regions) {
      tag.updateFromResult([phrase]);
      region.setValue(tag);
    }
    tag.needsUpdate();
    open.history.unfreeze("pixmo");
  }

  function absent(open) {
    const tag = open.names.get("absent");
    return tag ? tag.selectedValues().map(tidy).filter(Boolean) : [];
  }

  function setAbsent(open, phrase, is) {
    const tag = open.names.get("absent");
    for (const text of [...tag.regions]) if (same(tidy(text._value), phrase)) tag.remove(text);
    if (is) tag.addText(phrase);
  }

  /** All phrases: {text, points, absent}, in the order in which they were first seen. */
  function phrases(open) {
    const { known } = state(open);
    const found = points(open).map((region) => [region, phraseOf(open, region)]);
    const missing = absent(open);
    for (const text of [...found.map(([, phrase]) => phrase), ...missing]) {
      if (text && !known.some((one) => same(one, text))) known.push(text);
    }
    return known.map((text) => ({
      text,
      points: found.filter(([, phrase]) => same(phrase, text)).map(([region]) => region),
      absent: missing.some((one) => same(one, text)),
    }));
  }

  function strays(open) {
    return points(open).filter((region) => !phraseOf(open, region));
  }

  function problems(open) {
    const all = phrases(open);
    const told = [];
    const lost = strays(open).length;
    if (lost) told.push(`${many(lost, "point")} without a phrase.`);
    for (const { text, points: own, absent: is } of all) {
      if (is && own.length) told.push(`“${text}” is marked as not in the picture but has points.`);
      if (!is && !own.length && open.names.get("absent")) {
        told.push(`“${text}” has no points: place them, mark it as not in the picture, or delete it.`);
      }
    }
    if (!all.length && !lost) told.push("Type a phrase first.");
    return told;
  }

  function created(open, region) {
    const { current } = state(open);
    if (region.type !== "keypointregion" || current === null || phraseOf(open, region)) return;
    const tag = open.names.get("phrase");
    tag.updateFromResult([current]);
    region.setValue(tag);
    tag.needsUpdate();
    if (absent(open).some((one) => same(one, current))) setAbsent(open, current, false);
  }

  function add(open, typed, isAbsent) {
    const text = tidy(typed);
    if (!text) return;
    const mine = state(open);
    const before = mine.known.find((one) => same(one, text));
    if (mine.renaming) rename(open, mine.renaming, text);
    else if (!before) mine.known.push(text);
    mine.current = mine.renaming || !before ? text : before;
    mine.renaming = null;
    if (isAbsent && !phrases(open).find((one) => one.text === mine.current).points.length) {
      setAbsent(open, mine.current, true);
    }
  }

  function rename(open, from, to) {
    const { known } = state(open);
    const old = phrases(open).find((one) => one.text === from);
    const twin = known.some((one) => same(one, to) && one !== from);
    known.splice(known.indexOf(from), 1, ...(twin ? [] : [to]));
    if (old.points.length) setPhrase(open, old.points, to);
    if (old.absent) {
      setAbsent(open, from, false);
      if (!old.points.length && !twin) setAbsent(open, to, true);
    }
  }

  function remove(open, text) {
    const mine = state(open);
    const old = phrases(open).find((one) => one.text === text);
    open.history.freeze("pixmo");
    for (const region of old.points) region.deleteRegion();
    if (old.absent) setAbsent(open, text, false);
    open.history.unfreeze("pixmo");
    mine.known.splice(mine.known.indexOf(text), 1);
    if (mine.current === text) mine.current = mine.known.at(-1) ?? null;
  }

  function colour(index) {
    return COLOURS[index % COLOURS.length];
  }

  function show(open) {
    const { current } = state(open);
    phrases(open).forEach(({ text, points: own }, index) => {
      const opacity = current === null || same(text, current) ? 1 : 0.6;
      for (const region of own) paint(region, colour(index), opacity);
    });
  }

  /** A button that changes something; the keyboard's focus stays on it, the mouse's does not. */
  function button(label, shown, act, more = {}) {
    return element("button", { type: "button", "aria-label": label, "data-key": label, ...more, onclick: act }, ...shown);
  }

  function row(open, phrase, index, change) {
    const mine = state(open);
    const { text, points: own, absent: is } = phrase;
    const chosen = text === mine.current;
    const tally = is ? "not in the picture" : many(own.length, "point");
    const choice = button(`Phrase ${index + 1}: ${text}, ${tally}`, [
      element("span", { className: "pixmo-number" }, String(index + 1)),
      element("span", { className: "pixmo-text" }, text),
      element("span", { className: "pixmo-tally" }, tally),
    ], change(() => { mine.current = text; }), {
      className: "pixmo-choice", role: "radio", "aria-checked": String(chosen), "data-key": `choose ${text}`,
    });
    const tools = element("span", { className: "pixmo-tools" });
    if (open.names.get("absent") && !own.length) {
      tools.append(button(`“${text}” is not in the picture`, [is ? "☑" : "☐", " not in the picture"],
        change(() => setAbsent(open, text, !is)), { role: "checkbox", "aria-checked": String(is) }));
    }
    const others = open.selectedRegions.filter(
      (region) => region.type === "keypointregion" && !own.includes(region));
    if (others.length) {
      tools.append(button(`Move the selected points to “${text}”`, ["Move selected here"],
        change(() => setPhrase(open, others, text))));
    }
    tools.append(
      button(`Rename “${text}”`, ["Rename"], change(() => { mine.renaming = text; })),
      button(`Delete “${text}” and its points`, ["Delete"], change(() => remove(open, text))));
    const item = element("li", { role: "none", className: chosen ? "pixmo-current" : "" }, choice);
    if (!open.isReadOnly()) item.append(tools);
    item.style.setProperty("--pixmo-colour", colour(index));
    return item;
  }

  function form(open, redraw) {
    const mine = state(open);
    const box = element("input", {
      type: "text",
      id: "pixmo-new-phrase",
      maxLength: LONGEST,
      autocomplete: "off",
      value: mine.renaming ?? "",
      placeholder: "what to point at, such as: red umbrellas",
      "data-key": "new",
    });
    const submit = (isAbsent) => {
      add(open, box.value, isAbsent);
      box.value = "";
      box.blur();
      redraw();
    };
    box.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.key === "Enter" && !event.ctrlKey && !event.metaKey) {
        event.preventDefault();
        submit(event.shiftKey);
      } else if (event.key === "Escape") {
        mine.renaming = null;
        box.value = "";
        box.blur();
        redraw();
      }
    });
    const name = mine.renaming === null ? "Add" : "Rename";
    return element("div", { className: "pixmo-new" },
      element("label", { htmlFor: "pixmo-new-phrase" }, mine.renaming === null ? "New phrase" : "Rename phrase"),
      box,
      element("button", { type: "button", "data-key": "add", onclick: () => submit(false) }, name));
  }

  function hint(open, all) {
    const { current } = state(open);
    if (current === null) {
      return all.length ? "Choose a phrase, or type a new one." : "Type a phrase and press Enter, then click on every instance.";
    }
    return `Click on every “${current}”. Keys: 1 to 9 choose, Enter types a phrase, Backspace deletes a selected point.`;
  }

  /** Everything that is drawn, as text: nothing is drawn again while it stays the same. */
  function drawn(open, all, refused) {
    const selected = open.selectedRegions.map((region) => region.id);
    return JSON.stringify([
      open.id, state(open), selected, refused, open.isReadOnly(), strays(open).length,
      all.map((one) => [one.text, one.points.length, one.absent]),
    ]);
  }

  function alerts(open, refused, change) {
    const mine = state(open);
    const lost = strays(open);
    const made = [];
    if (lost.length && mine.current !== null) {
      const label = `Give to “${mine.current}”`;
      made.push(element("p", { className: "pixmo-problems", role: "alert" },
        `${many(lost.length, "point")} without a phrase. `,
        button(label, [label], change(() => setPhrase(open, lost, mine.current)))));
    }
    if (refused) {
      made.push(element("ul", { className: "pixmo-problems", role: "alert" },
        ...problems(open).map((one) => element("li", {}, one))));
    }
    return made;
  }

  function draw(place, open) {
    if (!open.names.get("phrase")) return;
    const mine = state(open);
    const all = phrases(open);
    if (mine.current !== null && !mine.known.includes(mine.current)) mine.current = null;
    if (this.refused && !problems(open).length) this.refused = false;
    show(open);
    const now = drawn(open, all, this.refused);
    if (place.firstChild && place.dataset.drawn === now) return;
    place.dataset.drawn = now;
    const change = (act) => (event) => {
      if (event.detail) event.currentTarget.blur();
      act();
      this.draw(place, open);
    };
    const key = place.contains(document.activeElement) ? document.activeElement.dataset.key : null;
    const typed = place.querySelector("#pixmo-new-phrase")?.value;
    const section = element("section", { className: "pixmo-panel", "aria-label": "Phrases" });
    if (!open.isReadOnly()) section.append(form(open, () => this.draw(place, open)));
    section.append(element("p", { className: "pixmo-hint", role: "status" }, hint(open, all)));
    section.append(element("ol", { className: "pixmo-list", role: "radiogroup", "aria-label": "Current phrase" },
      ...all.map((one, index) => row(open, one, index, change))));
    section.append(...alerts(open, this.refused, change));
    place.replaceChildren(section);
    refocus(place, mine.renaming !== null, key, typed);
  }

  function refocus(place, renaming, key, typed) {
    const box = place.querySelector("#pixmo-new-phrase");
    if (box && typed && !renaming) box.value = typed;
    if (box && renaming && key !== "new") box.select();
    else if (key) [...place.querySelectorAll("[data-key]")].find((one) => one.dataset.key === key)?.focus();
  }

  function typing(target) {
    return target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);
  }

  function choose(open, place, index) {
    const chosen = phrases(open)[index];
    if (!chosen) return;
    state(open).current = chosen.text;
    phrasePanel.draw(place, open);
    if (document.activeElement.getAttribute("role") === "radio") {
      place.querySelectorAll("[role=radio]")[index].focus();
    }
  }

  function pressed(event) {
    const open = annotation();
    const place = document.querySelector(".pixmo-phrases");
    if (!open || !place || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    if (typing(event.target)) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === "Enter" && event.target.tagName !== "BUTTON") {
      place.querySelector("#pixmo-new-phrase")?.focus();
    } else if (/^[1-9]$/.test(event.key)) {
      choose(open, place, Number(event.key) - 1);
    } else if (step && event.target.getAttribute("role") === "radio" && place.contains(event.target)) {
      choose(open, place, [...place.querySelectorAll("[role=radio]")].indexOf(event.target) + step);
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }

  const phrasePanel = { className: "pixmo-phrases", refused: false, draw, problems, created };
  panel(phrasePanel);
  document.addEventListener("keydown", pressed, true);
})();
