"use strict";
// Keeps the table live: the server sends the rendered table, this puts it in place and writes times in local time.
const live = document.getElementById("live");
const link = document.getElementById("link");

function localise(root) {
  for (const element of root.querySelectorAll("time")) {
    const moment = new Date(element.dateTime);
    const today = moment.toDateString() === new Date().toDateString();
    element.textContent = today ? moment.toLocaleTimeString() : moment.toLocaleString();
  }
}

localise(document);
const source = new EventSource("/api/v1/live");
source.addEventListener("fleet", (event) => {
  live.innerHTML = event.data;
  localise(live);
  link.hidden = true;
});
source.addEventListener("open", () => { link.hidden = true; });
source.addEventListener("error", () => { link.hidden = false; });
