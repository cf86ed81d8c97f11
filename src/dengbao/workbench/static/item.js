// The item view: the state of saving is always in sight, sentences and commands are a press away.
// Without this file drafts are saved by the button, and sentences and commands are copied by hand.
"use strict";
(() => {
  const form = document.querySelector("form[data-draft]");
  const inside = (one, name) => one.closest(`[${name}]`);
  const AGAIN_MS = 3000;
  let changes = 0; // how often something was typed
  let sent = 0; // up to which change the save under way goes
  let saved = 0;
  let leaving = false;

  const tell = (text, style) => {
    const place = document.querySelector("#saved .saving");
    if (place) { place.className = `saving ${style}`; place.textContent = text; }
  };
  const again = () => { if (saved < changes && !leaving) htmx.trigger(form, "again"); };
  const failed = (why) => { tell(`保存失败（${why}）；文字仍在本页，稍后自动重试`, "clash"); setTimeout(again, AGAIN_MS); };

  if (form) {
    form.addEventListener("input", () => { changes += 1; tell("未保存", "unsaved"); });
    form.addEventListener("change", () => { changes += 1; });
    form.addEventListener("submit", (event) => { if (leaving) event.preventDefault(); leaving = true; });
    window.addEventListener("pageshow", () => { leaving = false; });
    const ours = (event) => event.detail.elt === form;
    // htmx would send a save to the address of the button that has the focus, and so file or remove unasked.
    document.body.addEventListener("htmx:configRequest", (event) => {
      if (!ours(event)) return;
      if (leaving) { event.preventDefault(); return; }
      event.detail.path = form.getAttribute("hx-post");
      for (const name of ["choice", "version", "upload"]) delete event.detail.parameters[name];
    });
    document.body.addEventListener("htmx:beforeRequest", (event) => { if (ours(event)) { sent = changes; tell("正在保存…", "unsaved"); } });
    document.body.addEventListener("htmx:sendError", (event) => { if (ours(event)) failed("连不上工作台"); });
    document.body.addEventListener("htmx:responseError", (event) => {
      if (ours(event)) failed(event.detail.xhr.status === 403 ? "工作台已重新启动，请用新地址在另一标签页打开" : `错误 ${event.detail.xhr.status}`);
    });
    document.body.addEventListener("htmx:afterSwap", (event) => {
      if (event.detail.target.id !== "saved") return;
      if (document.querySelector("#saved [data-failed]")) { setTimeout(again, AGAIN_MS); return; }
      saved = sent;
      const merged = document.querySelector("#saved [data-merged]");
      if (merged) take(JSON.parse(merged.dataset.merged));
      if (saved < changes) tell("未保存", "unsaved");
    });
    // What was typed in the last second before the page is left.
    window.addEventListener("pagehide", () => {
      if (saved < changes && !leaving) fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)), keepalive: true, headers: { "HX-Request": "true" } });
    });
    // Only where that may not reach the server.
    window.addEventListener("beforeunload", (event) => { if (saved < changes && !leaving && document.querySelector("#saved .clash")) event.preventDefault(); });
  }

  // Another window changed other fields: they are taken over, but not the one that is being typed in.
  function take(fields) {
    for (const one of form.elements) {
      if (!one.name || one.type === "hidden" || one === document.activeElement || one.tagName === "BUTTON") continue;
      const value = fields[one.name] ?? "";
      if (one.type === "radio") one.checked = one.value === value;
      else if (one.type === "checkbox") one.checked = one.value.split(" ").every((word) => value.split(" ").includes(word));
      else one.value = value;
    }
  }

  document.addEventListener("click", (event) => {
    if (!(event.target instanceof Element)) return;
    const insert = inside(event.target, "data-insert");
    if (insert) put(insert.parentElement.querySelector(".phrase").textContent);
    const one = inside(event.target, "data-copy");
    if (one) copy(one.parentElement.querySelector("code").textContent, one);
    const all = inside(event.target, "data-copy-all");
    if (all) copy([...all.closest(".guide").querySelectorAll("code")].map((line) => line.textContent).join("\n"), all);
  });

  function put(text) {
    const place = form.elements.statement;
    const before = place.value.slice(0, place.selectionStart);
    const gap = before && !/[\s。；，：]$/.test(before) ? "\n" : "";
    place.setRangeText(gap + text, place.selectionStart, place.selectionEnd, "end");
    place.dispatchEvent(new Event("input", { bubbles: true }));
    place.focus();
  }

  async function copy(text, button) {
    const word = button.textContent;
    try { await navigator.clipboard.writeText(text); button.textContent = "已复制"; }
    catch { button.textContent = "请手工选取"; }
    setTimeout(() => { button.textContent = word; }, 1500);
  }

  for (const one of document.querySelectorAll("[data-insert], [data-copy], [data-copy-all]")) one.hidden = false;
})();
