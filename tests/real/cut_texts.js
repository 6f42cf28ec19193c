// Returns what a reader cannot read of a page: texts that are cut, that run out of their box, or that overlap.
() => {
  const BOXES = ".tile a, .site, td, th, section, .problem, .figures > *, .notice, summary, dd, dt, .ladder li, .line, .bar, .filter label";
  const found = [];
  const said = (element) => `<${element.localName} class="${element.className}"> ${element.textContent.trim().slice(0, 60)}`;
  const visible = (element) => element.checkVisibility({ visibilityProperty: true }) && !element.closest(".unseen, .skip, svg, option");
  if (document.documentElement.scrollWidth > innerWidth) found.push(`the page is ${document.documentElement.scrollWidth} px wide`);
  for (const element of document.body.querySelectorAll("*")) {
    if (!visible(element)) continue;
    const style = getComputedStyle(element);
    const hides = [style.overflowX, style.overflowY].some((each) => each === "hidden" || each === "clip");
    const wider = element.scrollWidth > element.clientWidth + 1, higher = element.scrollHeight > element.clientHeight + 1;
    if (hides && (wider || higher)) found.push(`cut: ${said(element)}`);
    if (style.overflowX === "auto" && wider && innerWidth >= 1280) found.push(`scrolls: ${said(element)}`);
  }
  const texts = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const owner = node.parentElement;
    if (!node.data.trim() || !visible(owner) || owner.closest("select, script, style")) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const rect of range.getClientRects()) {
      if (rect.width < 1) continue;
      texts.push({ node, owner, rect });
      for (let box = owner.closest(BOXES); box; box = box.parentElement?.closest(BOXES)) {
        const room = box.getBoundingClientRect();
        if (rect.left < room.left - 1 || rect.right > room.right + 1 || rect.bottom > room.bottom + 4) {
          if (!box.closest("section")?.querySelector(".wide")?.contains(owner) || box.matches("td, th")) found.push(`out of <${box.localName} class="${box.className}">: ${said(owner)}`);
        }
      }
    }
  }
  texts.sort((one, other) => one.rect.top - other.rect.top);
  texts.forEach((one, place) => {
    for (let next = place + 1; next < texts.length && texts[next].rect.top < one.rect.bottom; next += 1) {
      const other = texts[next];
      if (other.node === one.node) continue;
      const across = Math.min(one.rect.right, other.rect.right) - Math.max(one.rect.left, other.rect.left);
      const down = Math.min(one.rect.bottom, other.rect.bottom) - other.rect.top;
      if (across > 1 && down > 0.4 * Math.min(one.rect.height, other.rect.height)) {
        found.push(`overlap: ${said(one.owner)} and ${said(other.owner)}`);
      }
    }
  });
  return [...new Set(found)];
}
