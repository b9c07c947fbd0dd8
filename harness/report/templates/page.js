// Make an element with properties and children. Children that are text stay text.
const make = (tag, properties = {}, ...children) => {
  const { dataset = {}, ...rest } = properties;
  const element = Object.assign(document.createElement(tag), rest);
  Object.assign(element.dataset, dataset);
  element.append(...children.filter((child) => child !== null && child !== ""));
  return element;
};
// Set attributes that are no properties.
const describe = (element, attributes) => {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
};
// Call a function once, when an element comes into view. What is folded is not in view.
const whenSeen = (element, begin) => {
  const observer = new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    observer.disconnect();
    begin(element);
  }, { rootMargin: "200px" });
  observer.observe(element);
};
const seconds = (value) => `${value.toFixed(3)} s`;

// Open the cell that a link leads to.
const follow = () => {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  const folded = target?.closest("details");
  if (folded) { folded.open = true; target.scrollIntoView(); }
};
addEventListener("hashchange", follow);
follow();

// A button that opens or closes all cells of its section.
for (const button of document.querySelectorAll("button.unfold")) {
  const cells = [...button.closest("section").querySelectorAll("details.cell")];
  button.hidden = false;
  button.addEventListener("click", () => {
    const open = cells.some((cell) => !cell.open);
    cells.forEach((cell) => { cell.open = open; });
    button.textContent = open ? "Close all" : "Open all";
  });
}

// Copy the text next to a button. A page that was opened from a file may not have a clipboard: then the text is selected.
const copy = async (button) => {
  const source = button.parentElement.querySelector("code");
  const text = button.dataset.text ?? source.textContent;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(source);
    button.textContent = document.execCommand("copy") ? "Copied" : "Selected: press Ctrl+C";
  }
  setTimeout(() => { button.textContent = "Copy"; }, 4000);
};
for (const button of document.querySelectorAll("button.copy")) {
  button.hidden = false;
  button.addEventListener("click", () => copy(button));
}
