// The charts. A picture of the whole trial is in the page. Vega draws a part of it when the reader zooms.
const SHORTEST_S = 0.02;
const KEYS = { ArrowLeft: -1, ArrowRight: 1 };
let loaded = null;
// Run the library, which is in the page as text, when it is first needed.
const library = () => {
  if (loaded === null) {
    document.body.append(make("script", { textContent: document.getElementById("library").textContent }));
    loaded = window.vega;
  }
  return loaded;
};

class Plot {
  constructor(figure) {
    this.figure = figure;
    this.frame = figure.querySelector(".frame");
    this.data = JSON.parse(figure.querySelector("script").textContent);
    this.whole = [0, this.data.end];
    this.shown = this.whole;
    this.view = null;
    this.at = null;
    this.cursor = make("div", { className: "cursor", hidden: true });
    this.brush = make("div", { className: "brush", hidden: true });
    this.readout = describe(make("div", { className: "readout" }), { "aria-live": "off" });
    this.frame.append(this.cursor, this.brush);
    this.frame.after(this.readout);
    this.hint();
    this.listen();
    this.addTools();
    // A picture that is made smaller has small letters; Vega draws one of the right width.
    if (this.frame.clientWidth < 0.9 * this.frame.querySelector("svg").viewBox.baseVal.width) this.draw();
    new ResizeObserver(() => this.fit()).observe(this.frame);
  }

  hint() {
    this.readout.replaceChildren(make("p", { className: "small" },
      "Point at the chart to read it, drag to zoom. With the keyboard: arrows move, + and − zoom, 0 shows the whole trial."));
  }

  addTools() {
    const button = (text, label, act) => {
      const made = describe(make("button", { type: "button", className: "quiet" }, text), { "aria-label": label });
      made.addEventListener("click", act);
      return made;
    };
    const tools = describe(make("div", { className: "zoom" }), { role: "group", "aria-label": "Zoom of the chart" });
    tools.append(
      button("+", "Zoom in", () => this.scale(0.5)), button("−", "Zoom out", () => this.scale(2)),
      button("Whole trial", "Show the whole trial", () => this.zoom(...this.whole)));
    const loss = this.data.losses[0];
    if (loss) tools.append(button("First loss", "Zoom to the first loss", () => this.show(loss)));
    this.frame.before(tools);
  }

  listen() {
    let begun = null;
    const frame = this.frame;
    frame.addEventListener("pointerdown", (event) => {
      if (event.pointerType === "mouse" && event.button === 0 && this.inside(event)) { begun = event.clientX; event.preventDefault(); frame.focus(); }
      else this.point(this.timeAt(event.clientX));
    });
    frame.addEventListener("pointermove", (event) => {
      if (begun !== null) this.select(begun, event.clientX);
      if (this.inside(event)) this.point(this.timeAt(event.clientX));
    });
    addEventListener("pointerup", (event) => {
      if (begun === null) return;
      const [from, to] = [begun, event.clientX].sort((a, b) => a - b);
      begun = null;
      this.brush.hidden = true;
      if (to - from > 5) this.zoom(this.timeAt(from), this.timeAt(to));
    });
    frame.addEventListener("dblclick", () => this.zoom(...this.whole));
    frame.addEventListener("keydown", (event) => this.key(event));
    this.figure.addEventListener("show-moment", (event) => {
      this.show(event.detail);
      this.figure.scrollIntoView({ block: "start" });
      frame.focus({ preventScroll: true });
    });
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = KEYS[event.key];
    const acts = { "+": () => this.scale(0.5), "=": () => this.scale(0.5), "-": () => this.scale(2),
      0: () => this.zoom(...this.whole), Escape: () => this.zoom(...this.whole),
      Home: () => this.move(this.shown[0]), End: () => this.move(this.shown[1]) };
    if (step) this.move((this.at ?? (this.shown[0] + this.shown[1]) / 2) + step * (this.shown[1] - this.shown[0]) / (event.shiftKey ? 10 : 100));
    else if (acts[event.key]) acts[event.key]();
    else return;
    event.preventDefault();
  }

  // Move the cursor by keyboard, and let a screen reader say what is there.
  async move(at) {
    const [from, to] = this.shown;
    const length = to - from;
    if (at < from && from > this.whole[0]) await this.zoom(from - length / 2, to - length / 2);
    if (at > to && to < this.whole[1]) await this.zoom(from + length / 2, to + length / 2);
    this.readout.setAttribute("aria-live", "polite");
    this.point(Math.min(Math.max(at, this.shown[0]), this.shown[1]));
  }

  // Return the plot's area on the screen; all parts of the chart have the same horizontal one.
  area() { return this.frame.querySelector("g.role-scope .background").getBoundingClientRect(); }

  inside(event) {
    const { left, right } = this.area();
    return event.clientX >= left && event.clientX <= right;
  }

  timeAt(x) {
    const { left, width } = this.area();
    const [from, to] = this.shown;
    return Math.min(Math.max(from + (x - left) / width * (to - from), from), to);
  }

  placeOf(at) {
    const { left, width } = this.area();
    const [from, to] = this.shown;
    return left - this.frame.getBoundingClientRect().left + this.frame.scrollLeft + (at - from) / (to - from) * width;
  }

  select(from, to) {
    const origin = this.frame.getBoundingClientRect().left - this.frame.scrollLeft;
    const { left, right } = this.area();
    const [low, high] = [from, to].sort((a, b) => a - b).map((x) => Math.min(Math.max(x, left), right) - origin);
    this.brush.hidden = false;
    this.brush.style.left = `${low}px`;
    this.brush.style.width = `${high - low}px`;
  }

  point(at) {
    this.at = at;
    this.cursor.hidden = false;
    this.cursor.style.left = `${this.placeOf(at)}px`;
    this.readout.replaceChildren(...this.facts(at));
  }

  // Return what happens at a moment: the requests around it, the phase, and the nearest events.
  facts(at) {
    const { series, phases, events } = this.data;
    const bin = Math.min(Math.max(Math.floor((at - series.start) / series.width), 0), series.sent.length - 1);
    const [sent, ok, lost] = [series.sent[bin], series.ok[bin], series.lost[bin]];
    const phase = phases.find(([from, to]) => at >= from && at < to)?.[2];
    const near = (this.shown[1] - this.shown[0]) / 60;
    const around = events.filter(([time]) => Math.abs(time - at) <= near)
      .sort((a, b) => Math.abs(a[0] - at) - Math.abs(b[0] - at)).slice(0, 6).sort((a, b) => a[0] - b[0]);
    const from = series.start + bin * series.width;
    const latency = ok ? `; latency ${series.p50[bin]} ms (median), ${series.max[bin]} ms (longest)` : "";
    return [
      make("p", {}, make("strong", {}, seconds(at)), phase ? ` ${phase}` : "",
        `, requests sent from ${from.toFixed(2)} to ${(from + series.width).toFixed(2)} s: ${sent}, answered ${ok}, `,
        make("span", { className: lost ? "lost" : "" }, `lost ${lost}`), latency),
      make("ul", {}, ...around.map(([time, text]) => make("li", {}, make("span", { className: "offset" }, seconds(time)), ` ${text}`))),
    ];
  }

  async show(at) {
    const length = Math.min(2, this.whole[1]);
    this.at = at;
    await this.zoom(at - length / 2, at + length / 2);
  }

  scale(factor) {
    const [from, to] = this.shown;
    const middle = this.at !== null && this.at >= from && this.at <= to ? this.at : (from + to) / 2;
    this.zoom(middle - (middle - from) * factor, middle + (to - middle) * factor);
  }

  async zoom(from, to) {
    const length = Math.min(Math.max(to - from, SHORTEST_S), this.whole[1]);
    const start = Math.min(Math.max(from, 0), this.whole[1] - length);
    this.shown = [start, start + length];
    await this.draw();
    this.figure.dataset.shown = this.shown.map((each) => each.toFixed(3)).join(" ");
    if (this.at !== null && this.at >= this.shown[0] && this.at <= this.shown[1]) this.point(this.at);
    else this.cursor.hidden = true;
  }

  // Draw the shown part. If the browser does not let Vega run, the picture of the whole trial stays.
  async draw() {
    const vega = library();
    if (!vega) { this.shown = this.whole; return; }
    if (this.view === null) {
      const place = make("div", { className: "drawn" });
      this.view = new vega.View(vega.parse(this.data.vega, null, { ast: true }), {
        expr: vega.expressionInterpreter, renderer: "svg", container: place, hover: false });
      const picture = this.frame.querySelector("svg");
      this.view.width(this.room());
      await this.view.runAsync();
      describe(place.querySelector("svg"), { role: "img", "aria-label": picture.getAttribute("aria-label"), class: "chart" });
      picture.replaceWith(place);
    }
    await this.view.signal("shown_from", this.shown[0]).signal("shown_to", this.shown[1]).width(this.room()).runAsync();
  }

  // Return the width of the plots for which the frame has room.
  room() { return Math.max(140, Math.floor(this.frame.clientWidth - this.data.left)); }

  // Give a drawn chart the width of its frame.
  async fit() {
    if (this.view !== null && this.room() !== this.view.width()) await this.draw();
    if (!this.cursor.hidden) this.cursor.style.left = `${this.placeOf(this.at)}px`;
  }
}
document.querySelectorAll("figure.plot").forEach((figure) => whenSeen(figure, (each) => new Plot(each)));
