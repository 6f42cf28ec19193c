"use strict";
// Keys for people who work with the pages all day, and the dialog that acknowledges a problem.
(() => {
  const list = () => document.getElementById("problem-rows");
  const dialog = document.getElementById("acknowledge");
  const release = document.getElementById("release");
  const filter = document.getElementById("filter");
  const toggle = document.getElementById("keys");
  const STORED = "keys";

  // Filter and order of the problems; the server does the same for browsers without scripts.
  function arrange() {
    if (!list() || !filter) return;
    const given = new FormData(filter);
    const words = given.get("q").toLowerCase().split(/\s+/).filter(Boolean);
    const rows = [...list().children];
    for (const row of rows) {
      const own = row.dataset;
      const shown = (!given.get("severity") || own.severity === given.get("severity"))
        && (!given.get("site") || own.site === given.get("site"))
        && (!given.get("known") || own.known === given.get("known"))
        && words.every((word) => own.text.includes(word));
      if (row.hidden === shown) row.hidden = !shown;
    }
    const by = {
      newest: (one, other) => other.dataset.since - one.dataset.since,
      name: (one, other) => one.dataset.name.localeCompare(other.dataset.name, undefined, { numeric: true }),
    }[given.get("sort")] ?? ((one, other) => one.dataset.rank - other.dataset.rank);
    const ordered = rows.toSorted(by);
    if (ordered.some((row, place) => row !== rows[place])) list().append(...ordered);
  }
  function address() {
    const kept = new URLSearchParams([...new FormData(filter)].filter(([, value]) => value));
    history.replaceState(null, "", kept.size ? `?${kept}` : location.pathname);
  }
  if (list()) {
    arrange();
    for (const kind of ["input", "change"]) filter.addEventListener(kind, () => { arrange(); address(); });
    filter.addEventListener("submit", (event) => { event.preventDefault(); arrange(); address(); });
    // The stream replaces the whole list.
    new MutationObserver((changes) => {
      if (changes.some((change) => [...change.addedNodes].some((node) => node.id === "problem-rows"))) arrange();
    }).observe(document.getElementById("main"), { childList: true });
  }

  function rows() {
    return list() ? [...list().children].filter((row) => !row.hidden) : [];
  }
  function current() {
    return document.activeElement?.closest?.(".problem") ?? rows().find((row) => row.dataset.known === "no") ?? null;
  }
  function move(by) {
    const all = rows();
    const place = all.indexOf(document.activeElement?.closest?.(".problem"));
    all[Math.min(Math.max(place + by, 0), all.length - 1)]?.focus();
  }
  function acknowledge(row) {
    if (!dialog || !row) return;
    dialog.querySelector("[name=problem]").value = row.dataset.problem;
    dialog.querySelector(".what").textContent = row.dataset.name;
    dialog.showModal();
    dialog.querySelector("[name=note]").focus();
  }
  function takeBack(row) {
    if (!release || row?.dataset.known !== "yes") return;
    release.querySelector("[name=problem]").value = row.dataset.problem;
    release.submit();
  }
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a.acknowledge, a.release");
    if (!link || !dialog) return;
    event.preventDefault();
    const row = link.closest(".problem");
    if (link.matches(".release")) takeBack(row);
    else acknowledge(row);
  });
  dialog?.querySelector(".cancel").addEventListener("click", () => dialog.close());

  // Single keys can be turned off, as speech input and chance hits press them too (WCAG 2.1.4).
  function on() {
    return localStorage.getItem(STORED) !== "off";
  }
  function show() {
    if (!toggle) return;
    toggle.closest("p").hidden = false;
    toggle.setAttribute("aria-pressed", String(on()));
  }
  toggle?.addEventListener("click", () => {
    localStorage.setItem(STORED, on() ? "off" : "on");
    show();
  });
  const KEYS = {
    p: () => location.assign("/problems"),
    w: () => location.assign("/"),
    e: () => location.assign("/events"),
    j: () => move(1),
    k: () => move(-1),
    a: () => acknowledge(current()),
    u: () => takeBack(current()),
  };
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest?.("input, select, textarea, dialog");
    if (!on() || typing || event.ctrlKey || event.altKey || event.metaKey || !(event.key in KEYS)) return;
    event.preventDefault();
    KEYS[event.key]();
  });
  show();
})();
