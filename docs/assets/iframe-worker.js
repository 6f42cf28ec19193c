// Browsers start no worker from a file:// page. Search then runs in a hidden frame that speaks like a worker.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      const frame = document.createElement("iframe");
      frame.hidden = true;
      document.body.append(frame);
      this.frame = frame;
      this.ready = new Promise((resolve) => {
        const inner = frame.contentWindow;
        inner.document.open();
        inner.document.write("<!doctype html><html><body></body></html>");
        inner.document.close();
        inner.postMessage = (data) => {
          const event = new MessageEvent("message", { data });
          this.dispatchEvent(event);
          if (this.onmessage) this.onmessage(event);
        };
        inner.importScripts = (...scripts) =>
          scripts.reduce((before, script) => before.then(() => load(inner, script)), Promise.resolve());
        load(inner, url).then(resolve);
      });
    }
    postMessage(data) {
      this.ready.then(() => {
        const inner = this.frame.contentWindow;
        inner.dispatchEvent(new inner.MessageEvent("message", { data: structuredClone(data) }));
      });
    }
    terminate() {
      this.frame.remove();
    }
  };
  const load = (inner, url) =>
    new Promise((resolve, reject) => {
      const script = inner.document.createElement("script");
      script.src = url;
      script.onload = resolve;
      script.onerror = reject;
      inner.document.body.append(script);
    });
}
