// Ticks or unticks all that is to be confirmed; without this file each is ticked by itself.
"use strict";
for (const row of document.querySelectorAll("[data-all]")) {
  row.hidden = false;
  for (const button of row.querySelectorAll("[data-check]"))
    button.addEventListener("click", () => {
      for (const one of row.closest("fieldset").querySelectorAll("input[type=checkbox]")) one.checked = button.dataset.check === "on";
    });
}
