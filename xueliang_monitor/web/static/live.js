"use strict";
// Keeps a page live: the server sends rendered fragments; each replaces the element with its id.
(() => {
  const main = document.getElementById("main");
  const link = document.getElementById("link");
  const form = document.getElementById("wall") && document.getElementById("filter");
  const language = document.documentElement.lang;
  const STALE_MILLISECONDS = 12000;
  let heard = Date.now();
  let source = null;
  let loading = false;

  // Times: shows ages and local times.
  const relative = new Intl.RelativeTimeFormat(language, { numeric: "always", style: "narrow" });
  const UNITS = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];
  function ago(seconds) {
    const [unit, size] = UNITS.find(([, each]) => seconds >= each) ?? UNITS[3];
    return relative.format(-Math.floor(seconds / size), unit);
  }
  const clock = new Intl.DateTimeFormat(language, { timeStyle: "medium" });
  const full = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "medium" });
  function times(root) {
    for (const element of root.querySelectorAll("time[datetime]")) {
      const moment = new Date(element.dateTime);
      if (Number.isNaN(moment.valueOf())) continue;
      element.title = full.format(moment);
      if ("ago" in element.dataset) element.textContent = ago(Math.max(0, (Date.now() - moment) / 1000));
      else if ("clock" in element.dataset) element.textContent = clock.format(moment);
    }
  }

  // Filter: hides tiles and sites, and updates the address of the page.
  function wanted() {
    const given = new FormData(form);
    return { programme: given.get("programme"), site: given.get("site"), state: given.get("state"),
             fault: given.get("fault"), words: given.get("q").toLowerCase().split(/\s+/).filter(Boolean).slice(0, 8) };
  }
  function shows(tile, filter) {
    const own = tile.dataset;
    return (!filter.programme || own.programme === filter.programme) && (!filter.site || own.site === filter.site)
      && (!filter.state || own.state === filter.state)
      && (!filter.fault || own.faults.split(" ").includes(filter.fault))
      && filter.words.every((word) => own.text.includes(word));
  }
  function filterAll() {
    const filter = wanted();
    let count = 0, total = 0;
    for (const site of document.querySelectorAll("section.site")) {
      let visible = 0;
      for (const tile of site.querySelectorAll(".tile")) {
        const shown = shows(tile, filter);
        if (tile.hidden === shown) tile.hidden = !shown;
        visible += shown;
        total += 1;
      }
      if (site.hidden === Boolean(visible)) site.hidden = !visible;
      count += visible;
    }
    document.getElementById("count").textContent = `${count} / ${total}`;
    document.getElementById("none").hidden = count > 0;
  }
  function address() {
    const kept = new URLSearchParams([...new FormData(form)].filter(([, value]) => value));
    history.replaceState(null, "", kept.size ? `?${kept}` : location.pathname);
  }

  // Order: moves a changed tile within its site, and the site among the sites. The worst comes first.
  function natural(one, other) {
    const [left, right] = [one.split(/(\d+)/), other.split(/(\d+)/)];
    for (let place = 0; place < Math.min(left.length, right.length); place += 1) {
      if (place % 2 && Number(left[place]) !== Number(right[place])) return left[place] - right[place];
      if (left[place] !== right[place]) return left[place] < right[place] ? -1 : 1;
    }
    return left.length - right.length;
  }
  function before(one, other) {
    const name = (element) => element.dataset.id ?? element.dataset.site;
    return one.dataset.rank - other.dataset.rank || natural(name(one), name(other));
  }
  function settle(element, list) {
    const next = [...list.children].find((other) => other !== element && before(element, other) < 0) ?? null;
    if (element.nextElementSibling !== next) list.insertBefore(element, next);
  }
  function placed(tile) {
    const site = tile.closest("section.site");
    settle(tile, tile.parentElement);
    site.dataset.rank = tile.parentElement.firstElementChild.dataset.rank;
    settle(site, site.parentElement);
  }

  function swap(html) {
    const parsed = document.createElement("template");
    parsed.innerHTML = html;
    let tiles = 0;
    for (const fresh of [...parsed.content.children]) {
      const old = document.getElementById(fresh.id);
      if (!old) continue;
      const focused = old.contains(document.activeElement);
      const place = focused ? document.activeElement.closest("[id]").id : "";
      times(fresh);
      if (fresh.matches(".tile")) {
        if (old.outerHTML !== fresh.outerHTML) fresh.classList.add("fresh");
        old.replaceWith(fresh);
        placed(fresh);
        tiles += 1;
      } else {
        for (const open of old.querySelectorAll("details[id][open]")) {
          fresh.querySelector(`#${CSS.escape(open.id)}`)?.setAttribute("open", "");
        }
        old.replaceWith(fresh);
      }
      const again = place !== fresh.id && document.getElementById(place);
      if (focused) (again || fresh.querySelector("a, button, input, select"))?.focus();
    }
    if (tiles && form) filterAll();
    document.dispatchEvent(new CustomEvent("swapped"));
  }

  // Reloads the page as soon as the server answers, after cameras were added or removed or the monitor restarted.
  async function reload() {
    if (loading) return;
    loading = true;
    try {
      const answer = await fetch(location.href, { method: "HEAD" });
      if (!answer.ok) throw new Error(answer.status);
      location.reload();
    } catch {
      setTimeout(() => { loading = false; reload(); }, 2000);
    }
  }

  function lost(is) {
    if (link.hidden !== is) return;
    link.hidden = !is;
    document.body.classList.toggle("old", is);
    document.getElementById("lost-since").textContent = is ? clock.format(new Date(heard)) : "";
  }
  function alive() {
    heard = Date.now();
    lost(false);
    const updated = document.getElementById("updated");
    if (updated) {
      updated.dateTime = new Date().toISOString();
      updated.textContent = clock.format(new Date());
    }
  }
  function listen() {
    source = new EventSource(main.dataset.live);
    source.addEventListener("open", alive);
    source.addEventListener("beat", alive);
    source.addEventListener("swap", (event) => { alive(); swap(event.data); });
    source.addEventListener("reload", () => { alive(); reload(); });
    source.addEventListener("error", () => {
      lost(true);
      // A browser does not reconnect by itself after an answer that is not a stream.
      if (source.readyState === EventSource.CLOSED) setTimeout(listen, 3000);
    });
  }

  // Unfolds what a link leads to.
  function unfold() {
    let inside = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!inside) return;
    inside.firstElementChild?.setAttribute("open", "");
    for (; inside; inside = inside.parentElement) if (inside.matches("details")) inside.open = true;
    document.getElementById(decodeURIComponent(location.hash.slice(1))).scrollIntoView();
  }
  if (location.hash) unfold();
  addEventListener("hashchange", unfold);

  times(document);
  setInterval(() => times(document), 20000);
  if (form) {
    for (const kind of ["input", "change"]) form.addEventListener(kind, () => { filterAll(); address(); });
    form.addEventListener("submit", (event) => { event.preventDefault(); filterAll(); address(); });
  }
  // Sends forms that lead back to the same page in the background, so that the running check stays visible.
  const AGAIN_MILLISECONDS = 20000;
  for (const quiet of document.querySelectorAll("form[data-quiet]")) {
    quiet.addEventListener("submit", async (event) => {
      event.preventDefault();
      const button = quiet.querySelector("button");
      const answer = await fetch(quiet.action, { method: "POST", body: new URLSearchParams(new FormData(quiet)), redirect: "manual" });
      if (answer.type !== "opaqueredirect") return quiet.submit();
      button.disabled = true;
      setTimeout(() => { button.disabled = false; }, AGAIN_MILLISECONDS);
    });
  }
  if (main.dataset.live) {
    listen();
    setInterval(() => { if (Date.now() - heard > STALE_MILLISECONDS) lost(true); }, 1000);
  }
})();
