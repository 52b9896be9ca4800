"use strict";
/* The order of clusters of duplicates: by size or by doubt. */

document.getElementById("cluster-order")?.addEventListener("change", (event) => {
  const boxes = document.getElementById("boxes");
  const key = event.target.value;
  const sorted = [...boxes.children].sort((a, b) => b.dataset[key] - a.dataset[key]);
  boxes.replaceChildren(...sorted);
});
