/*
 * Points and the answer that cites them: `the [left cup](1) and [two spoons](2,3)`.
 *
 * Numbers stand beside the points in the picture, and a panel says what each citation names and
 * what is wrong with it. The spelling of a citation is that of annotation.ask.citations.
 */
(() => {
  "use strict";

  const { panel, element, points } = window.Pixmo;
  const CITATION = /\[([^[\]]+)\]\(([1-9][0-9]{0,3}(?:,[1-9][0-9]{0,3})*)\)/g;
  const NEARLY = /\[[^[\]]*\]\s*\([\s0-9,;.#-]*\)/g;
  const NOTICE = "[no draft";

  function answer(open) {
    const tag = open.names.get("answer");
    return tag ? tag.selectedValues().join("\n") : "";
  }

  function phraseOf(open, region) {
    const tag = open.names.get("phrase");
    const result = region.results.find((one) => one.from_name === tag);
    return result ? [].concat(result.mainValue.toJSON?.() ?? result.mainValue).join(" ") : "";
  }

  function citations(text) {
    return [...text.matchAll(CITATION)].map(([, words, numbers]) => ({
      words,
      numbers: numbers.split(",").map(Number),
    }));
  }

  function problems(open) {
    const text = answer(open);
    if (!text || text.startsWith(NOTICE)) return [];
    const count = points(open).length;
    const found = citations(text);
    const wrong = [...text.matchAll(NEARLY)].map(([one]) => one);
    const spelled = new Set([...text.matchAll(CITATION)].map(([one]) => one));
    const cited = found.flatMap((one) => one.numbers);
    const unknown = cited.filter((number) => number > count);
    const left = points(open).map((_, index) => index + 1).filter((one) => !cited.includes(one));
    return [
      ...wrong
        .filter((one) => !spelled.has(one))
        .map((one) => `Write ${one} without spaces, as [words](1,2).`),
      ...[...new Set(unknown)].map((number) => `There is no point ${number}.`),
      ...(found.length ? [] : ["Cite the points: write [words](1) where you speak of point 1."]),
      ...(found.length && left.length
        ? [`Cite ${names(open, left)} as well, or delete what the answer does not speak of.`]
        : []),
      ...(count ? [] : ["No point is placed."]),
    ];
  }

  /** Numbers beside the points, over the picture; they follow zoom and size. */
  function number(open) {
    const stage = document.querySelector(".konvajs-content");
    if (!stage) return;
    const old = [...stage.querySelectorAll(".pixmo-point-number")];
    const all = points(open);
    old.slice(all.length).forEach((one) => one.remove());
    all.forEach((region, index) => {
      const shape = region.shapeRef;
      const at = shape && shape.getStage && shape.getStage() ? shape.getAbsolutePosition() : null;
      const label =
        old[index] || stage.appendChild(element("span", { className: "pixmo-point-number" }));
      label.hidden = !at || region.hidden;
      if (label.textContent !== String(index + 1)) label.textContent = index + 1;
      const [x, y] = at ? [Math.round(at.x + 7), Math.round(at.y - 20)] : [0, 0];
      label.style.transform = `translate(${x}px, ${y}px)`;
    });
  }

  function names(open, numbers) {
    const all = points(open);
    const name = (region) => (region ? phraseOf(open, region) || "(no name)" : "(no such point)");
    return numbers.map((one) => `${one} ${name(all[one - 1])}`).join(", ");
  }

  function draw(place, open) {
    number(open);
    const found = citations(answer(open)).map((one) => `${one.words}: ${names(open, one.numbers)}`);
    const against = answer(open) ? problems(open) : [];
    const told = JSON.stringify([found, against]);
    if (place.dataset.told === told) return;
    place.dataset.told = told;
    place.replaceChildren(
      element(
        "div",
        { className: "pixmo-panel", role: "status" },
        ...found.map((one) => element("p", { className: "pixmo-hint", textContent: one })),
        ...against.map((one) => element("p", { className: "pixmo-problems", textContent: one })),
      ),
    );
  }

  panel({ className: "pixmo-citations", draw, problems });
})();
