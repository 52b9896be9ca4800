"use strict";
/* Keyboard shortcuts of a page of rows; none of them works while something is typed. */

{
  const { page } = pixmo;
  const help = document.getElementById("help");
  const search = document.getElementById("search");
  const play = () => {
    const audio = document.querySelector("#row audio");
    if (audio) { if (audio.paused) audio.play(); else audio.pause(); }
  };
  const keys = {
    j: () => page.choose((page.place ?? -1) + 1, true),
    k: () => page.choose((page.place ?? 1) - 1, true),
    "/": () => { document.body.classList.remove("reading"); search.focus(); search.select(); },
    z: () => page.shown && pixmo.enlarge(page.album, page.picture[page.chosen], page.shown),
    p: play,
    1: () => page.mark("good"),
    2: () => page.mark("doubt"),
    0: () => page.mark(""),
    "?": () => help.showModal(),
  };
  addEventListener("keydown", (event) => {
    const typing = event.target.matches?.("input, select, textarea");
    if (event.key === "Escape" && event.target === search) search.blur();
    if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (document.querySelector("dialog[open]")) return;
    if (Object.hasOwn(keys, event.key)) { event.preventDefault(); keys[event.key](); }
  });
  document.getElementById("help-open")?.addEventListener("click", () => help.showModal());
  document.getElementById("help-close")?.addEventListener("click", () => help.close());
}
