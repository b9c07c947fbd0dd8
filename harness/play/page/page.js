"use strict";
// The page of a session. It builds all text with textContent: no text of a cluster is ever read as HTML.
const texts = JSON.parse(document.getElementById("texts").textContent);
const stored = JSON.parse(document.getElementById("state").textContent);
const SECONDS = 120;
const state = stored || {};
const chosen = [];
let language = remembered("language") || (/^zh/i.test(navigator.language) ? "zh" : "en");

function remembered(name) { try { return localStorage.getItem("harness-" + name); } catch { return null; } }
function remember(name, value) { try { localStorage.setItem("harness-" + name, value); } catch { /* private window */ } }
function t(name, values) {
  const text = texts[language][name] ?? texts.en[name] ?? name;
  return text.replace(/\{(\w+)\}/g, (_, key) => String(values?.[key] ?? ""));
}
function h(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== false && value !== undefined) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((one) => one !== null && one !== undefined && one !== ""));
  return element;
}
function fill(id, ...children) {
  const element = document.getElementById(id);
  element.replaceChildren(...children.flat().filter(Boolean));
  return element;
}
function clock(seconds) {
  const whole = Math.max(0, Math.round(seconds ?? 0));
  const parts = [Math.floor(whole / 60) % 60, whole % 60].map((n) => String(n).padStart(2, "0"));
  return (whole >= 3600 ? [Math.floor(whole / 3600), ...parts] : parts).join(":");
}
const number = (n) => Number(n ?? 0).toLocaleString(language);
const classes = (lost) => Object.entries(lost).map(([name, n]) => `${number(n)} ${name}`).join(", ");

function copied(text) {
  const button = h("button", { type: "button", onclick: copy }, t("copy"));
  async function copy() {
    try { await navigator.clipboard.writeText(text); button.textContent = t("copied"); } catch { getSelection().selectAllChildren(shown); }
  }
  const shown = h("pre", {}, text);
  return h("div", { class: "copied" }, shown, button);
}

const draw = {
  facts() {
    document.documentElement.lang = language;
    const title = state.facts?.title || "harness";
    document.title = title;
    document.getElementById("title").textContent = title;
    fill("tools",
      h("button", { type: "button", id: "language", onclick: switchLanguage }, t("other_language")),
      stored ? null : h("a", { class: "button", id: "export", href: "session.html" }, t("export")));
    const facts = state.facts || {};
    fill("session", h("h2", {}, t("session")),
      facts.url ? h("p", {}, t("entry"), " ", h("code", {}, facts.url)) : null,
      facts.kubeconfig ? copied(`export KUBECONFIG=${facts.kubeconfig}\nexport U=${facts.url}`) : null,
      notes());
  },
  notes() { draw.facts(); },
  answer() {
    const answer = state.answer || { state: "starting" };
    const now = state.traffic?.elapsed ?? 0;
    const large = {
      starting: () => t("answer_starting"),
      lossless: () => t("answer_lossless", { time: clock(now - answer.since) }),
      losing: () => t("answer_losing", { lost: number(answer.lost) }),
      lossy: () => t("answer_lossy", { lost: number(answer.lost) }),
      inconclusive: () => t("answer_inconclusive"),
    }[answer.state]();
    const card = (state.cards || []).find((one) => one.number === answer.card);
    const element = fill("answer", h("p", { class: "large", id: "large" }, large),
      h("p", { class: "soft" }, state.step ? t("step_" + state.step) : card ? phrases(card) : t("answer_more")));
    element.className = answer.state;
  },
  step() { draw.answer(); },
  traffic() {
    const traffic = state.traffic || { bins: [] };
    const bins = traffic.bins;
    const last = bins.length ? bins[bins.length - 1] : [0, 0, 0];
    const top = Math.max(1, ...bins.map((bin) => bin[0] + bin[1] + bin[2]));
    fill("traffic", h("h2", {}, t("traffic")),
      h("div", { class: "numbers" },
        figure(t("rate"), `${last[0] + last[1]}/s`), figure(t("sent"), number(traffic.sent), "sent"),
        figure(t("lost"), number(traffic.lost), "lost", traffic.lost ? "bad" : ""),
        traffic.unknown ? figure(t("unknown"), number(traffic.unknown), "", "doubt") : null,
        figure(t("connections_open"), number(traffic.open)), figure(t("connections_cut"), number(traffic.cut), "cut")),
      h("div", { class: "bins", role: "img", "aria-label": t("bins_label") }, bins.map((bin) => bar(bin, top))),
      h("div", { class: "axis" }, h("span", {}, `−${bins.length} s`), h("span", {}, t("now"))),
      traffic.lost ? h("p", { class: "soft" }, classes(traffic.classes)) : null,
      h("h2", {}, t("shares")), Object.entries(traffic.shares || {}).map(([route, found]) => shares(route, found)));
    draw.answer();
    draw.pods();
  },
  pods() {
    const now = state.traffic?.elapsed ?? 0;
    const shown = (state.pods || []).filter((pod) => {
      const end = pod.states[pod.states.length - 1];
      return end && !(end[0] === "gone" && end[1] < now - SECONDS);
    });
    fill("pods", h("h2", {}, t("pods", { seconds: SECONDS })), shown.map((pod) => lane(pod, now)),
      shown.length ? legend() : h("p", { class: "soft" }, t("no_pods")));
  },
  endpoints() { draw.routing(); },
  ingress() { draw.routing(); },
  routing() {
    const endpoints = Object.entries(state.endpoints || {});
    const ingress = state.ingress || { tally: {}, events: [] };
    fill("routing", h("h2", {}, t("endpoints")),
      endpoints.length ? h("table", { id: "endpoints" }, endpoints.map(([name, found]) => h("tr", {},
        h("th", {}, name), h("td", { class: found.ready ? "good" : "bad" }, found.ready ? spaced(found.ready) : t("none_ready")),
        h("td", { class: "soft" }, found.terminating ? `${t("terminating")}: ${spaced(found.terminating)}` : "")))) : h("p", { class: "soft" }, t("no_services")),
      h("h2", {}, t("ingress")),
      h("p", { id: "tally" }, Object.entries(ingress.tally).map(([what, n]) => `${n} × ${t("ingress_" + what)}`).join(" · ") || t("no_ingress_events")),
      h("table", {}, [...ingress.events].reverse().slice(0, 6).map(([at, what, detail]) => h("tr", {},
        h("td", { class: "soft" }, clock(at)), h("td", {}, t("ingress_" + what)), h("td", { class: "soft" }, ingressDetail(detail))))));
  },
  cards() {
    const cards = [...(state.cards || [])].reverse();
    fill("cards", h("h2", {}, t("cards")),
      cards.length ? h("div", { class: "cards" }, cards.map((card) => drawCard(card, true))) : h("p", { class: "soft" }, t("no_cards")));
    const pair = (state.cards || []).filter((card) => chosen.includes(card.number));
    const compare = fill("compare", h("h2", {}, t("compare")), h("div", { class: "cards" }, pair.map((card) => drawCard(card, false))));
    compare.hidden = pair.length < 2;
    draw.answer();
  },
  guide() {
    const guide = state.guide || {};
    const element = document.getElementById("guide");
    element.hidden = !guide.title;
    if (guide.title) fill("guide", ...drawGuide(guide));
  },
};

function figure(name, value, id, look) {
  return h("div", {}, h("b", { id: id ? "figure-" + id : false, class: look || false }, value), h("span", { class: "soft" }, name));
}
function bar(bin, top) {
  return h("div", {}, ["ok", "lost", "unknown"].map((name, i) => {
    const part = h("div", { class: name });
    part.style.height = `${(bin[i] / top) * 100}%`;
    return part;
  }));
}
function shares(route, found) {
  const all = Object.values(found).reduce((sum, n) => sum + n, 0);
  return h("div", {}, h("p", { class: "soft" }, h("code", {}, route)), Object.entries(found).slice(0, 6).map(([answer, n]) => {
    const filled = h("div", {});
    filled.style.width = `${(n / all) * 100}%`;
    const lost = /^(status \d|refused|reset|closed|truncated|timeout|malformed|missed|client-fault|wrong-answer)/.test(answer);
    return h("div", { class: lost ? "share loss" : "share" }, h("span", {}, answer), h("div", { class: "bar" }, filled), h("span", {}, `${Math.round((n / all) * 100)} %`));
  }));
}
function lane(pod, now) {
  const begin = now - SECONDS;
  const place = (at) => `${Math.min(100, Math.max(0, ((at - begin) / SECONDS) * 100))}%`;
  const track = h("div", { class: "track" });
  pod.states.forEach(([name, from], i) => {
    if (name === "gone") return;
    const to = pod.states[i + 1]?.[1] ?? now;
    if (to < begin) return;
    const part = h("div", { class: name === "starting" ? "starting-state" : name, title: t("state_" + name) });
    part.style.left = place(from);
    part.style.width = `calc(${place(to)} - ${place(from)})`;
    track.append(part);
  });
  for (const card of state.cards || []) {
    for (const [at] of card.changes) {
      if (at < begin) continue;
      const mark = h("div", { class: "mark" });
      mark.style.left = place(at);
      track.append(mark);
    }
  }
  const last = pod.states[pod.states.length - 1][0];
  const name = pod.version ? `${pod.name} (${pod.version})` : pod.name;
  return h("div", { class: "lane" }, h("span", { class: "name", title: `${name} ${pod.ip || ""}` }, name), track, h("span", { class: "state soft" }, t("state_" + last)));
}
function legend() {
  return h("p", { class: "legend" }, ["pending", "starting", "ready", "unready", "terminating"].map((name) =>
    h("span", {}, h("i", { class: name === "starting" ? "starting-state" : name }), t("state_" + name))));
}
const spaced = (text) => text.split(",").join(", ");
function ingressDetail(detail) {
  return ["added", "removed"].filter((name) => detail[name]).map((name) => `${name === "added" ? "+" : "−"} ${spaced(detail[name])}`).join("  ");
}
const phrases = (card) => card.changes.map(([, text]) => text).join("; ");
function drawCard(card, withChoice) {
  const done = card.verdict !== null;
  const look = done ? card.verdict : "settling";
  const window_ = card.first_loss !== null ? t("card_window", { from: clock(card.first_loss), to: clock(card.last_lost), seconds: (card.last_lost - card.first_loss).toFixed(1) }) : "";
  return h("article", { class: `card ${look}`, "data-card": card.number },
    h("h3", {}, `${card.number}. ${card.changes[0][1]}`),
    card.changes.length > 1 ? h("ul", {}, card.changes.slice(1).map(([at, text]) => h("li", {}, `${clock(at)} ${text}`))) : null,
    h("p", { class: "verdict " + ({ lossless: "good", lossy: "bad", inconclusive: "doubt" }[look] || "soft") },
      done ? t("verdict_" + card.verdict) : t("card_settling"), card.state === "losing" && card.lost_total ? ` · ${t("card_losing")}` : ""),
    h("p", {}, t("card_lost", { lost: number(card.lost_total), sent: number(card.sent) }), card.lost_total ? ` (${classes(card.lost)})` : ""),
    window_ ? h("p", { class: "soft" }, window_) : null,
    h("p", { class: "soft" }, t("card_cut", { cut: number(card.cut) })),
    card.doubts.map((name) => h("p", { class: "doubt" }, t("doubt_" + name))),
    card.unfinished_rollout ? h("p", { class: "doubt" }, t("card_stuck", { name: card.unfinished_rollout })) : null,
    card.cause ? h("p", {}, h("b", {}, t("cause")), " ", card.cause) : null,
    card.remedy ? h("p", {}, h("b", {}, t("remedy")), " ", card.remedy) : null,
    h("p", { class: "soft" }, t("card_at", { time: clock(card.begin) })),
    withChoice && done ? h("label", {}, h("input", { type: "checkbox", checked: chosen.includes(card.number), onchange: () => choose(card.number) }), " ", t("compare")) : null);
}
function choose(number_) {
  const at = chosen.indexOf(number_);
  if (at >= 0) chosen.splice(at, 1); else chosen.push(number_);
  while (chosen.length > 2) chosen.shift();
  draw.cards();
}
function drawGuide(guide) {
  const step = guide.step || {};
  return [
    h("h2", {}, guide.title),
    h("ol", { class: "steps" }, (guide.steps || []).map((one, i) => h("li", { class: one.state, title: one.title }, `${i + 1}. ${one.title}`))),
    step.title ? h("h3", {}, step.title) : null,
    (step.text || []).map((text) => h("p", {}, text)),
    step.question ? h("p", {}, h("b", {}, step.question)) : null,
    step.choices ? h("ol", { class: "choices" }, step.choices.map((text, i) => h("li", { class: step.prediction === i + 1 ? "chosen" : false }, text))) : null,
    step.command ? copied(step.command) : null,
    step.status ? h("p", { class: "soft", id: "guide-status" }, step.status) : null,
    step.wrong ? h("p", { class: "wrong", id: "guide-wrong" }, step.wrong) : null,
    step.hint ? h("p", { class: "hint", id: "guide-hint" }, step.hint) : null,
    (step.result || []).map((text) => h("p", { class: "result" }, text)),
    (guide.summary || []).length ? h("table", { id: "summary" }, h("tr", {}, (guide.columns || []).map((name) => h("th", {}, name))),
      guide.summary.map((row) => h("tr", {}, row.map((cell) => h("td", {}, cell))))) : null,
  ];
}
function notes() {
  return (state.notes || []).map(([at, name, detail]) => h("p", { class: "soft" }, `${clock(at)} ${t("note_" + name, { detail })}`));
}
function switchLanguage() {
  language = language === "en" ? "zh" : "en";
  remember("language", language);
  everything();
}
function everything() {
  for (const name of ["facts", "traffic", "routing", "cards", "guide"]) draw[name]();
}
function take(sections) {
  Object.assign(state, sections);
  const names = Object.keys(sections);
  if (names.includes("cards")) draw.cards();
  for (const name of names) if (name !== "cards") draw[name]?.();
}
function follow() {
  const source = new EventSource("events");
  const shown = document.getElementById("connection");
  source.addEventListener("open", () => { shown.hidden = true; });
  source.addEventListener("sections", (event) => take(JSON.parse(event.data)));
  source.addEventListener("ended", () => { source.close(); shown.textContent = t("ended"); shown.hidden = false; });
  source.addEventListener("error", () => { shown.textContent = t("reconnecting"); shown.hidden = false; });
}
everything();
if (!stored) follow();
