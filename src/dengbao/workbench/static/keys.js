// Keys are declared in the markup: data-key="n" presses the element, data-ctrl="s" does so also while typing,
// data-goto="o" after g. While an input method composes, no key is ours. Without this file everything still works.
"use strict";
(() => {
  const typing = (one) =>
    one instanceof HTMLElement && (one.isContentEditable || one.matches("textarea, select, input:not([type=radio]):not([type=checkbox]):not([type=button]):not([type=submit]):not([type=file])"));
  const seen = (one) => one.offsetParent !== null || one.getClientRects().length > 0;
  const find = (name, value) =>
    [...document.querySelectorAll(`[data-${name}]`)].find((one) => one.dataset[name].split(" ").includes(value) && !one.disabled && seen(one));
  const press = (one) => {
    if (one.matches("textarea, select, input:not([type=radio]):not([type=checkbox]):not([type=submit]):not([type=file])")) one.focus();
    else { one.focus({ preventScroll: true }); one.click(); }
  };
  let going = false;

  document.addEventListener("keydown", (event) => {
    // 229: what browsers send for keys that an input method took
    if (event.isComposing || event.keyCode === 229 || event.altKey || event.defaultPrevented) return;
    if (event.ctrlKey || event.metaKey) {
      const one = find("ctrl", event.key.toLowerCase());
      if (one) { event.preventDefault(); press(one); }
      return;
    }
    if (event.key === "Escape" && typing(document.activeElement)) { document.activeElement.blur(); return; }
    if (typing(event.target) || document.querySelector("dialog[open]") || event.repeat && event.key.length === 1 && going) return;
    if (event.key === "?") { event.preventDefault(); help(); return; }
    const asked = going;
    going = false;
    if (asked) {
      const one = find("goto", event.key);
      if (one) {
        event.preventDefault();
        press(one);
        if (one.matches("input")) one.value = event.key; // a field to go to begins with the key that was pressed
        return;
      }
    }
    const one = find("key", event.key);
    if (one) { event.preventDefault(); press(one); return; }
    if (event.key === "g") { going = true; event.preventDefault(); }
  });

  function help() {
    const dialog = document.getElementById("keys");
    const list = dialog.querySelector("dl");
    list.replaceChildren();
    // The key stands before it already.
    const plain = (one) => { const copy = one.cloneNode(true); copy.querySelectorAll("kbd").forEach((kbd) => kbd.remove()); return copy.textContent; };
    const words = (one) => one.dataset.keyName || one.getAttribute("aria-label") || plain(one).replace(/\s+/g, " ").trim().slice(0, 40);
    const add = (keys, text) => {
      const key = document.createElement("dt");
      const told = document.createElement("dd");
      for (const part of keys) { const kbd = document.createElement("kbd"); kbd.textContent = part; key.append(kbd, " "); }
      told.textContent = text;
      list.append(key, told);
    };
    for (const one of document.querySelectorAll("[data-key]")) if (seen(one)) add([one.dataset.key.split(" ")[0]], words(one));
    for (const one of document.querySelectorAll("[data-ctrl]")) if (seen(one)) add(["Ctrl", one.dataset.ctrl.split(" ")[0].toUpperCase()], words(one));
    for (const one of document.querySelectorAll("[data-goto]")) add(["g", one.dataset.goto.split(" ")[0]], words(one));
    add(["Esc"], "离开输入框");
    dialog.showModal();
  }

  const button = document.querySelector("[data-help]");
  if (button) { button.hidden = false; button.addEventListener("click", help); }
})();
