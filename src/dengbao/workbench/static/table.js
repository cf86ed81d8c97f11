// Rows by key: j and k go from one to the next, x ticks it; Enter opens it, because the focus is on its link.
"use strict";
(() => {
  const bar = document.getElementById("row-keys");
  if (!bar) return;
  bar.hidden = false;
  let last = null; // where one was before a button of the bar took the focus

  const rows = () => [...document.querySelectorAll("#cases tbody tr")];
  const row = (one) => (one instanceof Element ? one.closest("#cases tbody tr") : null);
  const go = (one) => {
    const link = one && one.querySelector("th a");
    if (link) { link.focus(); one.scrollIntoView({ block: "nearest" }); }
  };

  document.addEventListener("focusin", (event) => { last = row(event.target) || last; });
  bar.addEventListener("click", (event) => {
    const button = event.target.closest("[data-row]");
    if (!button) return;
    const all = rows();
    const at = all.indexOf(last);
    if (button.dataset.row === "x") {
      const box = at >= 0 && all[at].querySelector("input[type=checkbox]");
      if (box) { box.checked = !box.checked; go(all[at]); }
      return;
    }
    const next = at < 0 ? 0 : at + Number(button.dataset.row);
    go(all[Math.max(0, Math.min(next, all.length - 1))]);
  });
})();
