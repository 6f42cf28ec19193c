"use strict";
// Tells people of critical problems: a count in the title and the icon, a mark until a new one is seen, a sound.
(() => {
  const icon = document.getElementById("icon");
  const plain = icon.getAttribute("href");
  const title = document.title;
  const toggle = document.getElementById("sound");
  const SEEN = "seen", SOUND = "sound";

  function count() {
    const critical = Number(document.querySelector("[data-critical]")?.dataset.critical ?? 0);
    const shown = critical ? `(${critical}) ${title}` : title;
    if (document.title !== shown) document.title = shown;
    const wanted = critical ? plain.replace("icon.svg", `icon-${Math.min(critical, 9)}.svg`) : plain;
    if (icon.getAttribute("href") !== wanted) icon.setAttribute("href", wanted);
  }

  // The problems that were seen in this browser. What is open at the first visit is not new.
  const alarmsOf = (element) => element.dataset.alarms.split(" ");
  const alarming = () => [...document.querySelectorAll("[data-alarms]")];
  function seen() {
    try {
      return new Set(JSON.parse(localStorage.getItem(SEEN)) ?? alarming().flatMap(alarmsOf));
    } catch {
      return new Set(alarming().flatMap(alarmsOf));
    }
  }
  function keep(known) {
    const open = new Set(alarming().flatMap(alarmsOf));
    localStorage.setItem(SEEN, JSON.stringify([...known].filter((each) => open.has(each))));
  }
  function mark() {
    const known = seen();
    for (const element of alarming()) {
      element.classList.toggle("new", alarmsOf(element).some((each) => !known.has(each)));
    }
    keep(known);
  }
  function see(event) {
    const element = event.target.closest?.("[data-alarms]");
    if (!element?.matches(".new")) return;
    const known = seen();
    for (const each of alarmsOf(element)) known.add(each);
    keep(known);
    mark();
  }

  // The sound. A browser plays none before the first click or key on the page.
  let audio = null;
  const on = () => localStorage.getItem(SOUND) === "on";
  function wake() {
    if (!on()) return;
    audio ??= new AudioContext();
    if (audio.state === "suspended") audio.resume();
  }
  function beep() {
    if (!on()) return;
    wake();
    document.dispatchEvent(new CustomEvent("beep"));
    for (const [pitch, begin] of [[880, 0], [660, 0.22], [880, 0.44]]) {
      const tone = new OscillatorNode(audio, { frequency: pitch });
      const volume = new GainNode(audio, { gain: 0.25 });
      tone.connect(volume).connect(audio.destination);
      volume.gain.setTargetAtTime(0, audio.currentTime + begin + 0.14, 0.02);
      tone.start(audio.currentTime + begin);
      tone.stop(audio.currentTime + begin + 0.2);
    }
  }
  function show() {
    if (!toggle) return;
    toggle.hidden = false;
    toggle.setAttribute("aria-pressed", String(on()));
  }
  toggle?.addEventListener("click", () => {
    localStorage.setItem(SOUND, on() ? "off" : "on");
    show();
    beep();
  });

  let told = new Set(alarming().flatMap(alarmsOf));
  document.addEventListener("swapped", () => {
    count();
    if (!document.getElementById("wall")) return;
    const open = alarming().flatMap(alarmsOf);
    if (open.some((each) => !told.has(each))) beep();
    told = new Set(open);
    mark();
  });
  if (document.getElementById("wall")) {
    mark();
    for (const kind of ["pointerdown", "focusin"]) document.addEventListener(kind, see);
  }
  for (const kind of ["pointerdown", "keydown"]) document.addEventListener(kind, wake);
  count();
  show();
})();
