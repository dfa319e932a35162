// Shows what the choices would have brought last week while they are made. Without it, a button does the same.

const form = document.querySelector("form[data-preview]");
if (form) {
  const box = form.querySelector("#preview");
  const button = form.querySelector("[data-preview-button]");
  button.hidden = true;
  const names = ["digest", "topic", "place", "kind", "language1", "language2", "language3", "fallback"];
  let timer = 0;
  let asked = 0;
  const show = async () => {
    const mine = ++asked;
    const chosen = new URLSearchParams();
    for (const [name, value] of new FormData(form)) if (names.includes(name)) chosen.append(name, value);
    try {
      const answer = await fetch(form.dataset.preview, { method: "POST", body: chosen });
      if (!answer.ok) {
        // What stands there is of other choices by now; the button says what is the matter.
        box.replaceChildren();
        button.hidden = false;
        return;
      }
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (mine === asked) box.replaceChildren(...page.body.childNodes);
    } catch { /* away: the form works all the same */ }
  };
  form.addEventListener("change", (event) => {
    if (!names.includes(event.target.name)) return;
    clearTimeout(timer);
    timer = setTimeout(show, 250);
  });
  show();
}
