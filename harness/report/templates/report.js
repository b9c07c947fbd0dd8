// The page works without this script. It opens the cell that a link leads to, and all cells on demand and for print.
const cells = [...document.querySelectorAll("details.cell")];
const unfold = (open) => cells.forEach((cell) => { cell.open = open; });
const follow = () => {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target instanceof HTMLDetailsElement) { target.open = true; target.scrollIntoView(); }
};
// Scroll a chart that is wider than the screen, so that its first loss is a third of the screen from the left.
const seen = new WeakSet();
const showLoss = (root) => root.querySelectorAll("svg[data-loss]").forEach((chart) => {
  const frame = chart.parentElement;
  if (seen.has(chart) || !chart.clientWidth) return;
  seen.add(chart);
  frame.scrollLeft = chart.dataset.loss * chart.clientWidth - frame.clientWidth / 3;
});
cells.forEach((cell) => cell.addEventListener("toggle", () => showLoss(cell)));
showLoss(document);
addEventListener("hashchange", follow);
follow();
addEventListener("beforeprint", () => unfold(true));
const button = document.querySelector("button.unfold");
if (button) {
  button.hidden = false;
  button.addEventListener("click", () => {
    const open = cells.some((cell) => !cell.open);
    unfold(open);
    button.textContent = open ? "Close all" : "Open all";
  });
}
