/*
 * In every page of Label Studio, before its own scripts.
 *
 * It sets what Label Studio keeps per browser, so that nobody has to, and looks after panels: a
 * panel fills an empty <View className="..."/> of a labeling page, is drawn again whenever the
 * annotation changes, keeps nothing that the annotation does not hold, and can refuse Submit.
 */
(() => {
  "use strict";

  const SETTINGS = {
    continuousLabeling: true,
    preserveSelectedTool: false,
    selectAfterCreate: false,
    enableHotkeys: true,
  };
  const EVERY_MS = 150;
  const RADIUS_PX = 6;
  const REFUSED_MS = 8000;

  function remember() {
    localStorage.setItem("autoAnnotation", "true");
    localStorage.setItem("autoAcceptSuggestions", "true");
    let kept = {};
    try {
      kept = JSON.parse(localStorage.getItem("labelStudio:settings")) || {};
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
    }
    localStorage.setItem("labelStudio:settings", JSON.stringify({ ...kept, ...SETTINGS }));
  }

  /** A DOM element; text never becomes markup. */
  function element(name, attributes = {}, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
      if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
      else if (key in made) made[key] = value;
      else made.setAttribute(key, value);
    }
    made.append(...children);
    return made;
  }

  /** The annotation that is open, or null. */
  function annotation() {
    const open = window.Htx && window.Htx.annotationStore;
    const selected = open && open.selected;
    return selected && selected.names && selected.type !== "history" ? selected : null;
  }

  /** The points of an annotation, in the order in which they were placed. */
  function points(of) {
    return of.regions.filter((region) => region.type === "keypointregion");
  }

  /** How a point looks at any zoom: a filled circle with a thin ring. */
  function paint(region, colour, opacity) {
    const shape = region.shapeRef;
    if (!shape || !shape.getLayer || !shape.getLayer()) return;
    const look = { fill: colour, opacity, strokeWidth: 2, radius: RADIUS_PX / region.parent.zoomScale };
    if (Object.entries(look).some(([name, value]) => shape.getAttr(name) !== value)) shape.setAttrs(look);
  }

  const panels = [];
  const heard = new WeakSet();

  /**
   * Register a panel: `className` of its place, `draw(place, annotation)`,
   * `problems(annotation)` (sentences that stand against Submit), and, where it needs them,
   * `created(annotation, region)` and `deleted(annotation, region)`, which run inside the change
   * itself and so belong to the same step of undo.
   */
  function panel(added) {
    panels.push(added);
  }

  function place(of) {
    return document.querySelector(`.${of.className}`);
  }

  function present(then) {
    const open = annotation();
    if (!open) return;
    for (const one of panels) if (place(one)) then(one, open);
  }

  function refuse() {
    const against = [];
    present((one, open) => against.push(...one.problems(open)));
    if (!against.length) return true;
    present((one, open) => {
      letDrafts(open);
      one.refused = true;
      one.draw(place(one), open);
      place(one).scrollIntoView({ block: "nearest" });
    });
    return false;
  }

  function listen() {
    const node = window.Htx && window.Htx.$treenode;
    const events = node && node.root.environment && node.root.environment.events;
    if (!events || heard.has(events)) return;
    heard.add(events);
    const told = (name) => (region) => present((one, open) => one[name] && one[name](open, region));
    events.on("entityCreate", told("created"));
    events.on("entityDelete", told("deleted"));
    events.on("beforeSaveAnnotation", refuse);
  }

  /** Label Studio saves no draft after a Submit that was refused: let it save again. */
  function letDrafts(open) {
    // Only an action may change the annotation, and this one runs what it is given.
    open.traverseTree(() => { open.submissionStarted = 0; });
  }

  function keepDrafts() {
    const open = annotation();
    const since = open && open.submissionStarted;
    if (since && Date.now() - since > REFUSED_MS && !window.Htx.isSubmitting) {
      letDrafts(open);
    }
  }

  function look() {
    listen();
    keepDrafts();
    present((one, open) => one.draw(place(one), open));
  }

  remember();
  setInterval(look, EVERY_MS);
  window.Pixmo = { panel, element, annotation, points, paint };
})();
