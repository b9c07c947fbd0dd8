// The page is whole without this: it only opens the cell that a link leads to, and all of them on demand and for print.
const cells = [...document.querySelectorAll("details.cell")];
const unfold = (open) => cells.forEach((cell) => { cell.open = open; });
const follow = () => {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target instanceof HTMLDetailsElement) { target.open = true; target.scrollIntoView(); }
};
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
