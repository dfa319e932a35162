// The builder of segments counts by itself while a rule is being built. Without this, the button counts.
import { signedOut } from "./session.js";

const form = document.querySelector("form.builder");
const result = document.getElementById("result");

if (form && result) {
  const notice = form.querySelector("[data-signed-out]");
  let timer = 0;
  let asking = null;
  let asked = "";

  const count = async () => {
    const fields = new URLSearchParams(new FormData(form));
    const now = fields.toString();
    if (now === asked) return;
    asking?.abort();
    asking = new AbortController();
    result.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(form.dataset.live, { method: "POST", body: fields, signal: asking.signal });
      if (!answer.ok || answer.redirected) {
        if (await signedOut(notice)) {
          const said = notice.cloneNode(true);
          said.hidden = false;
          result.replaceChildren(said);
        }
        throw new Error(answer.status);
      }
      const told = new DOMParser().parseFromString(await answer.text(), "text/html");
      result.replaceChildren(...told.body.childNodes);
      notice.hidden = true;
      asked = now;
      result.removeAttribute("aria-busy");
    } catch (error) {
      if (error.name !== "AbortError") result.removeAttribute("aria-busy"); // what stood there stays; the button still works
    }
  };
  const soon = (event) => {
    if (event.target.name?.endsWith(".new")) return; // what may be added is not a part of the rule
    clearTimeout(timer);
    timer = setTimeout(count, event.type === "input" ? 450 : 120);
  };
  form.addEventListener("input", soon);
  form.addEventListener("change", soon);
}
