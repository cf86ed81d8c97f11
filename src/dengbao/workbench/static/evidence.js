// Evidence files by choosing, dropping anywhere or pasting a screenshot; one after the other, with progress.
// Without this file the box is a plain form.
"use strict";
(() => {
  const MOST = 64 * 1024 * 1024;
  const box = () => document.querySelector("[data-box]");
  if (!box()) return;
  let refused = [];
  let busy = 0;
  let queue = Promise.resolve();

  const ready = () => {
    for (const one of box().querySelectorAll("[data-hint]")) one.hidden = false;
    for (const one of box().querySelectorAll("[data-plain]")) one.hidden = one.disabled = true;
  };
  const tell = (text) => { box().querySelector("[data-told]").textContent = text; };
  const fault = (text, cure) => {
    const line = document.createElement("p");
    const strong = document.createElement("strong");
    line.className = "fault";
    line.setAttribute("role", "alert");
    strong.textContent = text;
    line.append(strong, cure ? ` ${cure}` : "");
    return line;
  };
  const progress = (text, part) => {
    const line = box().querySelector("[data-busy]");
    line.hidden = text === "";
    line.querySelector("progress").value = part;
    line.querySelector("span").textContent = text;
  };

  // A tick that was set before a file came does not hold for it.
  const tick = () => box().querySelector("[name=redacted]");
  function vouch(checked) {
    tick().checked = checked;
    if (checked) box().querySelector("[data-lapsed]").hidden = true;
  }
  function lapse() {
    box().querySelector("[data-lapsed]").hidden = false;
    tick().dispatchEvent(new Event("change", { bubbles: true }));
  }

  // The answer is the box anew; a page instead of it says why nothing was done.
  function show(html, name, removed) {
    const answer = new DOMParser().parseFromString(html, "text/html");
    const fresh = answer.querySelector("[data-box]");
    if (!fresh) {
      const words = [...answer.querySelectorAll("main h1, main strong, main p")].map((one) => one.textContent.trim());
      refused.push(fault(`${name}未附`, [...new Set(words)].slice(0, 4).join(" ")));
    } else {
      for (const one of fresh.querySelectorAll("[data-refused] > *")) refused.push(document.importNode(one, true));
      const within = box().contains(document.activeElement);
      const ticked = tick().checked;
      box().replaceWith(document.importNode(fresh, true));
      if (removed) vouch(ticked); // it was said of the files that are left, too
      else if (ticked && !tick().checked) lapse();
      ready();
      if (within) box().querySelector("[type=file]").focus();
    }
    box().querySelector("[data-refused]").replaceChildren(...refused);
    return Boolean(fresh);
  }

  function post(address, body, name, removed = false) {
    return new Promise((done) => {
      const request = new XMLHttpRequest();
      request.open("POST", address);
      request.setRequestHeader("HX-Request", "true");
      request.upload.addEventListener("progress", (event) => {
        if (event.lengthComputable) progress(`正在上传 ${name} ${Math.round(event.loaded / event.total * 100)}%`, event.loaded / event.total * 100);
      });
      request.addEventListener("load", () => done(show(request.responseText, name, removed)));
      request.addEventListener("error", () => {
        refused.push(fault(`${name}未附：上传中断`, "确认工作台仍在运行、文件可读且不是文件夹，再试一次"));
        box().querySelector("[data-refused]").replaceChildren(...refused);
        done(false);
      });
      request.send(body);
    });
  }

  async function sendOne(file) {
    if (file.size > MOST || file.size === 0) {
      const why = file.size ? "超过 64 MB" : "是空的，或是文件夹";
      refused.push(fault(`${file.name}${why}`, "截取有关部分，或核对是否选错"));
      box().querySelector("[data-refused]").replaceChildren(...refused);
      return;
    }
    const body = new FormData();
    body.append("upload", file, file.name);
    progress(`正在上传 ${file.name}`, 0);
    const before = refused.length;
    await post(box().dataset.upload, body, file.name);
    const lapsed = box().querySelector("[data-lapsed]");
    const more = lapsed.hidden ? "" : `；${lapsed.textContent}`;
    tell(refused.length > before ? `${file.name} 未附` : `已附 ${file.name}${more}`);
  }

  function send(files) {
    if (busy === 0) refused = [];
    busy += files.length;
    for (const file of files) {
      queue = queue.then(() => sendOne(file)).finally(() => {
        busy -= 1;
        if (busy === 0) progress("", 0);
      });
    }
  }

  document.addEventListener("change", (event) => {
    if (event.target === tick()) vouch(tick().checked);
    if (!event.target.matches("[data-box] [type=file]")) return;
    const files = [...event.target.files];
    event.target.value = "";
    if (files.length) send(files);
  });

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-box] [data-remove]");
    if (!button) return;
    event.preventDefault();
    refused = [];
    const name = button.getAttribute("aria-label");
    post(button.formAction, new FormData(), name, true).then(() => tell(`已${name}`));
  });

  const clock = () => new Date().toTimeString().slice(0, 8).replaceAll(":", "");
  document.addEventListener("paste", (event) => {
    const files = [...event.clipboardData.files];
    const text = event.clipboardData.types.includes("text/plain");
    const writing = event.target instanceof HTMLElement && event.target.matches("textarea, input:not([type=file]):not([type=radio]):not([type=checkbox])");
    // Office programs put a picture of the copied text beside it: in a text field the text is meant.
    if (!files.length || (writing && text) || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    send(files.map((one, n) => one.name === "image.png" ? new File([one], `截图${clock()}${n ? `-${n + 1}` : ""}.png`, { type: one.type }) : one));
  });

  const carries = (event) => event.dataTransfer && event.dataTransfer.types.includes("Files");
  document.addEventListener("dragover", (event) => {
    if (!carries(event)) return;
    event.preventDefault(); // else the browser would leave the page for the file
    box().classList.add("over");
  });
  document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) box().classList.remove("over"); });
  document.addEventListener("drop", (event) => {
    if (!carries(event)) return;
    event.preventDefault();
    box().classList.remove("over");
    send([...event.dataTransfer.files]);
  });
  window.addEventListener("beforeunload", (event) => { if (busy) event.preventDefault(); });
  ready();
})();
