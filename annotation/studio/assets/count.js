/*
 * The number of a counting task follows its points.
 *
 * Number `count` is changed together with the points as long as it agreed with them before, so that
 * a number typed by hand stays, and undo takes both back. A number that disagrees is shown and
 * stands against Submit.
 */
(() => {
  "use strict";

  const { panel, element, points, paint } = window.Pixmo;

  const COLOUR = "#e6194b";

  const number = (open) => open.names.get("count");

  function follow(open, before, after) {
    const tag = number(open);
    if (!tag || open.isReadOnly()) return;
    if (tag.number === null || tag.number === undefined || tag.number === before) tag.setNumber(after);
  }

  function created(open, region) {
    const now = points(open).length;
    if (region.type === "keypointregion") follow(open, now - 1, now);
  }

  function deleted(open, region) {
    const now = points(open).length;
    if (region.type === "keypointregion") follow(open, now, now - 1);
  }

  function problems(open) {
    const tag = number(open);
    const now = points(open).length;
    if (!tag || tag.number === null || tag.number === undefined || tag.number === now) return [];
    return [`The number says ${tag.number}, but there ${now === 1 ? "is 1 point" : `are ${now} points`}.`];
  }

  function draw(place, open) {
    const tag = number(open);
    if (!tag) return;
    for (const region of points(open)) paint(region, COLOUR, 1);
    const count = points(open).length;
    const against = problems(open);
    const now = JSON.stringify([open.id, count, tag.number, open.isReadOnly()]);
    if (place.firstChild && place.dataset.drawn === now) return;
    place.dataset.drawn = now;
    const section = element("section", { className: "pixmo-panel", "aria-label": "Count" },
      element("p", { className: "pixmo-total", role: "status" }, element("b", {}, String(count)),
        count === 1 ? " point" : " points"));
    if (against.length && !open.isReadOnly()) {
      section.append(element("p", { className: "pixmo-problems", role: "alert" }, against[0], " ",
        element("button", {
          type: "button",
          onclick: () => { tag.setNumber(points(open).length); this.draw(place, open); },
        }, `Use ${count}`)));
    }
    section.append(element("p", { className: "pixmo-hint" },
      "Click on every one that has no point. Click on a wrong point and press Backspace to delete it."));
    place.replaceChildren(section);
    const box = document.querySelector('input[name="count"]');
    if (box) box.setAttribute("aria-label", "Count");
  }

  panel({ className: "pixmo-count", draw, problems, created, deleted });
})();
