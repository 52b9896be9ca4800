"use strict";
/* A list of any length of which only what is in view is in the page. Rows have one height. Beyond
   what a browser can scroll, the scroll position stands for a share of the list. */

pixmo.List = class {
  constructor(box, holder, height, render) {
    Object.assign(this, { box, holder, height, render, count: 0, shown: new Map() });
    box.addEventListener("scroll", () => this.draw(), { passive: true });
    new ResizeObserver(() => this.draw()).observe(box);
  }

  reset(count) {
    this.count = count;
    this.total = Math.min(count * this.height, 10_000_000);
    this.holder.style.height = `${this.total}px`;
    this.clear();
    this.draw();
  }

  clear() {
    for (const node of this.shown.values()) node.remove();
    this.shown.clear();
  }

  /* Pixels of the list that are above the box. */
  offset() {
    const room = this.total - this.box.clientHeight;
    const real = this.count * this.height - this.box.clientHeight;
    return room > 0 ? (this.box.scrollTop / room) * Math.max(real, 0) : 0;
  }

  draw() {
    const offset = this.offset();
    const first = Math.max(0, Math.floor(offset / this.height) - 4);
    const last = Math.min(this.count, Math.ceil((offset + this.box.clientHeight) / this.height) + 4);
    for (const [at, node] of this.shown) {
      if (at < first || at >= last) { node.remove(); this.shown.delete(at); }
    }
    for (let at = first; at < last; at += 1) {
      if (!this.shown.has(at)) this.insert(at);
      const top = at * this.height - offset + this.box.scrollTop;
      this.shown.get(at).style.transform = `translateY(${top}px)`;
    }
  }

  insert(at) {
    const node = this.render(at);
    node.setAttribute("aria-posinset", at + 1);
    node.setAttribute("aria-setsize", this.count);
    let next = null;
    for (const [other, found] of this.shown) {
      if (other > at && (!next || other < next[0])) next = [other, found];
    }
    this.holder.insertBefore(node, next ? next[1] : null);
    this.shown.set(at, node);
  }

  /* Bring a row into view with the least scrolling. */
  reveal(at) {
    const offset = this.offset();
    const top = at * this.height;
    const low = top + this.height - this.box.clientHeight;
    const wanted = top < offset ? top : low > offset ? low : offset;
    const room = this.total - this.box.clientHeight;
    const real = Math.max(1, this.count * this.height - this.box.clientHeight);
    if (wanted !== offset) this.box.scrollTop = (wanted / real) * room;
    this.draw();
  }
};
