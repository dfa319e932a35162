// Makes the fields of choices easier: a filter over the countries, and a guess of the time zone. Without it all works.

const plain = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").replace(/[\u2018\u2019]/g, "'").replace(/[-\u2010-\u2013]/g, " ")
  .replaceAll(".", "").toLowerCase().replace(/\bst(?=e? )/g, "saint");

for (const field of document.querySelectorAll("[data-places]")) {
  const find = field.querySelector("[data-find]");
  const input = find.querySelector("input");
  const found = find.querySelector("[data-found]");
  const parts = [...field.querySelectorAll("details")];
  const lines = parts.map((part) => [...part.querySelectorAll("label")].map((line) => {
    // Its codes count as a whole only: "in" is a part of many names.
    const [two = "", ...also] = (line.dataset.also ?? "").split("|");
    const codes = [two, line.querySelector("input").value].map(plain);
    return [line, [line.textContent, ...also].map(plain), codes];
  }));
  let before = null;
  find.hidden = false;
  input.addEventListener("input", () => {
    const wanted = plain(input.value.trim());
    if (wanted && !before) before = parts.map((part) => part.open);
    let count = 0;
    parts.forEach((part, n) => {
      let here = 0;
      for (const [line, names, codes] of lines[n]) {
        const fits = !wanted || names.some((name) => name.includes(wanted)) || codes.includes(wanted);
        line.hidden = !fits;
        if (fits) here += 1;
      }
      part.hidden = here === 0;
      if (wanted) part.open = here > 0;
      count += here;
    });
    if (!wanted && before) {
      parts.forEach((part, n) => { part.open = before[n] || part.querySelector("input:checked") !== null; });
      before = null;
    }
    found.textContent = count ? "" : found.dataset.none;
  });
  // Enter in the filter is not meant to send the form.
  input.addEventListener("keydown", (event) => { if (event.key === "Enter") event.preventDefault(); });
}

for (const field of document.querySelectorAll("[data-zone][data-guess]")) {
  const select = field.querySelector("select");
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (!zone || select.value) continue;
  if (![...select.options].some((option) => option.value === zone)) select.add(new Option(zone.replaceAll("_", " "), zone));
  select.value = zone;
  const hint = field.querySelector(".hint");
  if (hint) hint.textContent = field.dataset.guessed;
}

for (const form of document.querySelectorAll("[data-choices]")) {
  // What has no meaning for a rhythm is not shown with it.
  const show = () => {
    const cadence = form.querySelector("input[name=cadence]:checked")?.value;
    const hide = { weekday: cadence === "daily" || cadence === "at_once", hour: cadence === "at_once" };
    for (const [name, hidden] of Object.entries(hide)) form.querySelector(`#${name}`)?.closest(".field").toggleAttribute("hidden", hidden);
  };
  form.addEventListener("change", show);
  show();
}
