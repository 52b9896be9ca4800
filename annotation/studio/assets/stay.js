/*
 * In the labeling page of annotators. Label Studio's menu and its path of links lead to pages that
 * are shut for them, without asking the server: every way out leads to the list of their tasks
 * instead. And it does not say why something was refused: a bar on top does.
 */
(() => {
  "use strict";

  const LANDING = "/pixmo/";
  const SHUT = 'a[href*="/user/account"], a[href$="/settings"], .main-menu-trigger > :not(svg:first-child)';
  const REFUSED = [403, 409, 413];

  const style = document.createElement("style");
  style.textContent = `
    ${SHUT} { display: none !important; }
    #pixmo-refused { position: fixed; inset: 0 0 auto 0; z-index: 100000; padding: .8rem 3rem .8rem 1rem;
      background: #8c1d18; color: #fff; font: 16px/1.4 system-ui, sans-serif; text-align: center; }
    #pixmo-refused button { position: absolute; right: .5rem; top: .4rem; font: inherit; color: inherit;
      background: none; border: 1px solid transparent; padding: .3rem .7rem; cursor: pointer; }`;
  document.head.append(style);

  /** Whether annotators may be at an address. */
  function isOpen(address) {
    const url = new URL(address, location.href);
    if (url.origin !== location.origin) return true;
    const stream = /^\/projects\/[0-9]+\/data\/?$/.test(url.pathname);
    return stream && url.searchParams.get("labeling") === "1";
  }

  for (const name of ["pushState", "replaceState"]) {
    const original = history[name].bind(history);
    history[name] = (state, title, address) => {
      if (address === undefined || address === null || isOpen(address)) original(state, title, address);
      else location.assign(LANDING);
    };
  }

  document.addEventListener("click", (event) => {
    if (!event.target.closest(".main-menu-trigger")) return;
    event.preventDefault();
    event.stopPropagation();
    location.assign(LANDING);
  }, true);

  /** Say why something was refused, until it is closed. */
  function say(text) {
    document.getElementById("pixmo-refused")?.remove();
    const bar = document.createElement("div");
    bar.id = "pixmo-refused";
    bar.setAttribute("role", "alert");
    bar.textContent = text;
    const close = document.createElement("button");
    close.type = "button";
    close.textContent = "Close";
    close.addEventListener("click", () => bar.remove());
    bar.append(close);
    document.body.append(bar);
  }

  const plainFetch = window.fetch.bind(window);
  window.fetch = async (...asked) => {
    const answer = await plainFetch(...asked);
    if (REFUSED.includes(answer.status) && new URL(answer.url).pathname.startsWith("/api/")) {
      const said = await answer.clone().json().catch(() => null);
      if (said && typeof said.detail === "string") say(said.detail);
    }
    return answer;
  };
})();
