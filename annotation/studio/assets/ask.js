/*
 * Asking the text model from a labeling page.
 *
 * Label Studio sends only a part of the page with a question, and puts the answer into the page
 * whenever it comes. Here the whole page is sent, and an answer waits while somebody types: what is
 * typed and not yet entered would be lost. A panel tells what to do next and asks again on request.
 */
(() => {
  "use strict";

  const { panel, element, annotation, points } = window.Pixmo;
  const ASKING = /\/api\/ml\/\d+\/interactive-annotating/;
  const NOTICE = "[no draft";
  const LOOK_MS = 100;
  let again = false;
  let waiting = 0;
  let newest = 0;

  const pause = () => new Promise((done) => setTimeout(done, LOOK_MS));
  const text = (open, name) => {
    const tag = open.names.get(name);
    return tag ? tag.selectedValues().join("\n").trim() : "";
  };

  /** Whether a box of the page holds what was typed and not yet entered. */
  function typing() {
    const open = annotation();
    if (!open) return false;
    const box = document.activeElement;
    if (box && box.matches('[data-testid="htx-textbox-input"]')) {
      const kept = [...open.names.values()].flatMap((tag) => [...(tag.regions || [])]);
      const region = kept.find((one) => box.name.endsWith(`:${one.id}`));
      if (region && region._value !== box.value) return true;
    }
    const answer = open.names.get("answer");
    return Boolean(answer && answer.showSubmit && answer._value && answer._value.trim());
  }

  const plain = window.fetch;
  window.fetch = async function fetch(where, options) {
    const address = typeof where === "string" ? where : where.url || String(where);
    const open = annotation();
    if (!ASKING.test(address) || !open || !options || typeof options.body !== "string") {
      return plain.apply(this, arguments);
    }
    const body = JSON.parse(options.body);
    const context = { ...body.context, result: open.serializeAnnotation(), pixmo_again: again };
    again = false;
    waiting += 1;
    newest += 1;
    const number = newest;
    try {
      const sent = { ...options, body: JSON.stringify({ ...body, context }) };
      const answer = await plain.call(this, where, sent);
      while (typing()) await pause();
      // Label Studio takes the answer to the newest question alone.
      const taken = number === newest && (await hasDraft(answer.clone()));
      if (taken && annotation() === open) clearVerdict(open);
      return answer;
    } finally {
      waiting -= 1;
    }
  };

  async function hasDraft(answer) {
    if (!answer.ok) return false;
    const { data } = await answer.json();
    return Boolean(data && data.result && data.result.length);
  }

  /** A draft that comes in is judged by nobody yet, whatever was said of the one before. */
  function clearVerdict(open) {
    const verdict = open && open.names.get("verdict");
    for (const choice of [...((verdict && verdict.selectedLabels) || [])]) choice.toggleSelected();
  }

  function askAgain() {
    const open = annotation();
    const question = open && open.names.get("question");
    if (!question || !question.result) return;
    again = true;
    question.result.area.notifyDrawingFinished();
  }

  const NEXT = {
    points: "Place the points first.",
    ask: "Type a question and press Enter.",
    wait: "The text model is writing ...",
    gone: "Write the answer yourself, or have one drafted.",
    judge: "Accept the answer, change it, or reject it and say why.",
    accepted: "Submit when the answer is right.",
    why: "Say what is wrong and press Shift+Enter, or change the answer and accept it.",
  };

  function next(open) {
    const question = text(open, "question");
    if (open.names.has("point") && !points(open).length && !question) return "points";
    if (!question) return "ask";
    if (waiting) return "wait";
    const answer = text(open, "answer");
    if (!answer || answer.startsWith(NOTICE)) return "gone";
    const verdict = text(open, "verdict");
    return { accept: "accepted", reject: "why" }[verdict] || "judge";
  }

  function draw(place, open) {
    const step = next(open);
    if (place.dataset.step === step && !place.dataset.refused === !this.refused) return;
    place.dataset.step = step;
    if (this.refused) place.dataset.refused = "yes";
    else delete place.dataset.refused;
    const against = this.refused ? problems(open) : [];
    if (!against.length) this.refused = false;
    const button = { type: "button", onclick: askAgain, textContent: "Draft an answer" };
    place.replaceChildren(
      element(
        "div",
        { className: "pixmo-panel", role: "status" },
        element("p", { className: "pixmo-hint", textContent: NEXT[step] }),
        ...against.map((one) => element("p", { className: "pixmo-problems", textContent: one })),
        ...(step === "gone" ? [element("button", button)] : []),
      ),
    );
  }

  function problems(open) {
    const found = [];
    if (text(open, "answer").startsWith(NOTICE)) found.push("The answer is not written yet.");
    if (text(open, "verdict") === "reject") {
      found.push("A rejected answer cannot be submitted: change it, then choose accept.");
    }
    return found;
  }

  panel({ className: "pixmo-ask", refused: false, draw, problems });
})();
