// The tables of lost requests. Their data is packed by harness/report/failure_data.py.
const FIRST_ROWS = 10;
const MORE_ROWS = 50;
const offset = (milliseconds) =>
  `${milliseconds < 0 ? "−" : "+"}${Math.abs(milliseconds).toLocaleString("en", { minimumFractionDigits: 1, maximumFractionDigits: 1 })} ms`;

const readRows = (box) => {
  const { rows, texts, moments } = JSON.parse(box.querySelector("script").textContent);
  return rows.map(([id, at, stream, outcome, status, upstream, cause, because, trace], number) => ({
    id, at, number,
    stream: texts[stream], upstream: texts[upstream], cause: texts[cause], because: texts[because],
    answer: status ? `${texts[outcome]} ${status}` : texts[outcome],
    trace: trace.map((place) => moments[place]),
  }));
};

const traceOf = (row, box) => {
  const list = make("ol", { className: "trace" });
  for (const [at, kind, text, detail] of row.trace) {
    const own = kind === "attempt" || kind === "connection";
    list.append(make("li", { className: own ? "own" : "" },
      make("span", { className: "offset" }, offset((at - row.at) * 1000)),
      make("span", { className: "kind" }, kind),
      make("span", {}, make("strong", {}, text), detail ? make("span", { className: "detail" }, detail) : null)));
  }
  const figure = [...document.querySelectorAll("figure.plot")].find((each) => each.dataset.trial === box.dataset.trial);
  const show = figure ? make("button", { type: "button", className: "quiet" }, "Show it in the chart") : null;
  show?.addEventListener("click", () => figure.dispatchEvent(new CustomEvent("show-moment", { detail: row.at })));
  return make("div", {},
    make("p", { className: "small" }, `Request ${row.id}, sent at ${seconds(row.at)}. Offsets count from there.`),
    row.because ? make("p", {}, row.because) : null, list, show);
};

const failures = (box) => {
  const rows = readRows(box);
  const body = box.querySelector("tbody");
  const tools = box.querySelector(".tools");
  const extra = ["upstream", "cause"].filter((field) => rows.some((row) => row[field]));
  const columns = box.querySelectorAll("thead th").length;
  const result = describe(make("output", { className: "small" }), { "aria-live": "polite" });
  const more = make("button", { type: "button", className: "quiet", hidden: true });
  const search = make("input", { type: "search", placeholder: "id, path, pod …" });
  const choices = [["answer", "Lost as"], ["stream", "Stream"], ["upstream", "Meant for"], ["cause", "Cause"]]
    .map(([field, label]) => [field, label, [...new Set(rows.map((row) => row[field]))].filter(Boolean).sort()])
    .filter(([, , values]) => values.length > 1)
    .map(([field, label, values]) => {
      const select = make("select", {}, make("option", { value: "" }, "all"), ...values.map((value) => make("option", { value }, value)));
      tools.append(make("label", {}, label, select));
      return [field, select];
    });
  let limit = FIRST_ROWS;

  const toggle = (button, row, line) => {
    const open = button.getAttribute("aria-expanded") === "true";
    button.setAttribute("aria-expanded", String(!open));
    if (open) { line.nextElementSibling.remove(); return; }
    line.after(make("tr", { className: "traced" }, make("td", { colSpan: columns }, traceOf(row, box))));
  };
  const lineOf = (row) => {
    const button = describe(make("button", { type: "button", className: "opens" }, row.at.toFixed(3)), {
      "aria-expanded": "false", "aria-label": `${row.at.toFixed(3)} s: trace of request ${row.id}` });
    const line = make("tr", {},
      make("td", { className: "n" }, button), make("td", {}, row.stream), make("td", {}, row.answer),
      ...extra.map((field) => make("td", {}, row[field])),
      describe(make("th", {}, make("code", {}, row.id)), { scope: "row" }));
    button.addEventListener("click", () => toggle(button, row, line));
    return line;
  };
  const show = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const found = rows.filter((row) =>
      choices.every(([field, select]) => !select.value || row[field] === select.value) &&
      words.every((word) => `${row.id} ${row.stream} ${row.answer} ${row.upstream} ${row.cause}`.toLowerCase().includes(word)));
    body.replaceChildren(...found.slice(0, limit).map(lineOf));
    result.textContent = `${found.length} of ${rows.length} match`;
    more.hidden = found.length <= limit;
    more.textContent = `Show ${Math.min(MORE_ROWS, found.length - limit)} more`;
  };
  const again = () => { limit = FIRST_ROWS; show(); };
  more.addEventListener("click", () => { limit += MORE_ROWS; show(); });
  search.addEventListener("input", again);
  choices.forEach(([, select]) => select.addEventListener("change", again));
  tools.prepend(make("label", {}, "Search", search));
  tools.append(result);
  tools.hidden = false;
  box.querySelector(".scroll").after(more);
  show();
};
document.querySelectorAll(".failures").forEach((box) => whenSeen(box, failures));
