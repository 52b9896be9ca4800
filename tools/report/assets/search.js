"use strict";
/* Search in the full-text index: a word finds rows with a word that begins so, "word" finds it
   alone, -word leaves rows out. Only the blocks that can hold a word are loaded. */

pixmo.search = {
  pattern: /[\u3040-\u30ff\u3400-\u9fff]|(?:(?![\u3040-\u30ff\u3400-\u9fff])[\p{L}\p{N}_])+/gu,
  blocks: new Map(),

  parse(query) {
    const found = [];
    for (const part of query.matchAll(/(-?)("[^"]*"?|\S+)/g)) {
      const text = part[2].normalize("NFKC").toLowerCase();
      for (const word of text.match(this.pattern) ?? []) {
        found.push({ word: word.slice(0, 40), exact: text[0] === '"', without: part[1] === "-" });
      }
    }
    return found;
  },

  /* A byte for each row, 1 where all words match; null for a query without words. */
  async rows(page, count, query) {
    const words = this.parse(query);
    if (!words.length) return null;
    const firsts = await pixmo.json(`${page}/terms`);
    let mask = new Uint8Array(count).fill(1);
    for (const one of words) {
      const own = await this.word(page, firsts, count, one);
      for (let row = 0; row < count; row += 1) mask[row] &= own[row] ^ (one.without ? 1 : 0);
    }
    return mask;
  },

  async word(page, firsts, count, { word, exact }) {
    const mask = new Uint8Array(count);
    let at = 0;
    for (let high = firsts.length; at < high;) {
      const middle = (at + high) >> 1;
      if (firsts[middle] <= word) at = middle + 1; else high = middle;
    }
    for (at = Math.max(0, at - 1); at < firsts.length; at += 1) {
      if (firsts[at] > word && !firsts[at].startsWith(word)) break;
      const block = await this.block(page, at);
      block.terms.forEach((term, index) => {
        if (exact ? term === word : term.startsWith(word)) this.mark(block, index, mask);
      });
    }
    return mask;
  },

  async block(page, at) {
    const buffer = await pixmo.bytes(`${page}/terms-${at}`);
    if (!this.blocks.has(at)) {
      const [terms, head] = new Uint32Array(buffer, 0, 2);
      const ends = new Uint32Array(buffer.slice(8, 8 + 4 * terms));
      const start = 8 + 4 * terms + head;
      for (let term = 0, end = start; term < terms; term += 1) ends[term] = end += ends[term];
      const text = new TextDecoder().decode(new Uint8Array(buffer, 8 + 4 * terms, head));
      const bytes = new Uint8Array(buffer);
      this.blocks.set(at, { terms: text.split("\n"), ends, start, bytes });
    }
    return this.blocks.get(at);
  },

  /* Postings are gaps between row numbers, seven bits a byte. */
  mark(block, index, mask) {
    let row = -1;
    for (let at = index ? block.ends[index - 1] : block.start; at < block.ends[index];) {
      let gap = 0;
      for (let shift = 0; ; shift += 7) {
        const byte = block.bytes[at++];
        gap += (byte & 127) * 2 ** shift;
        if (byte < 128) break;
      }
      row += gap;
      mask[row] = 1;
    }
  },

  /* Wrap in <mark> what the words of a query found in an element. */
  highlight(root, query) {
    const words = this.parse(query).filter((one) => !one.without);
    if (!words.length) return;
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    const nodes = [];
    while (walker.nextNode()) nodes.push(walker.currentNode);
    for (const node of nodes) this.mark_text(node, words);
  },

  mark_text(node, words) {
    const parts = [];
    let last = 0;
    for (const hit of node.data.matchAll(this.pattern)) {
      const text = hit[0].toLowerCase();
      if (words.some(({ word, exact }) => (exact ? text === word : text.startsWith(word)))) {
        parts.push(node.data.slice(last, hit.index), pixmo.el("mark", {}, hit[0]));
        last = hit.index + hit[0].length;
      }
    }
    if (parts.length) node.replaceWith(...parts, node.data.slice(last));
  },
};
