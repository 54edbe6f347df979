/** The artifact's card: what the model is made of and what it needs. */

const at = (id) => document.getElementById(id);
const grouped = (n) => n.toLocaleString("en");
const bytes = (n) => (n < 10_000 ? `${grouped(n)} B` : `${grouped(Math.round(n / 102.4) / 10)} KiB`);

export function inside(model) {
  const { card } = model;
  const { file, weights, arena, state } = card.bytes;
  const macs = card.steps.reduce((sum, step) => sum + step.macs, 0);
  list("memory", { file: bytes(file), constants: bytes(weights), arena: bytes(arena), ...(state && { state: bytes(state) }) });
  list("facts", {
    operators: String(card.steps.length),
    "multiply-accumulates": grouped(macs),
    input: model.inputs.map(port).join("; "),
    output: model.outputs.map(port).join("; "),
    "input made from": prepared(model.preparation),
    compiler: card.producer || "not said",
    recipe: card.recipe || "not said",
  });
  const most = Math.max(1, ...card.steps.map((step) => step.macs));
  at("steps").replaceChildren(...card.steps.map((step, i) => row(step, i, step.macs / most)));
}

const port = ({ name, shape, dtype, stored }) => `${name}, ${dtype}${stored === dtype ? "" : ` (stored ${stored})`} ${shape.join("×")}`;

function prepared(preparation) {
  if (!preparation) return "values: the file does not say how";
  if (preparation.kind === "audio") {
    const { rate, window, hop, mels, coefficients } = preparation;
    return `sound at ${rate} Hz, frames of ${window} every ${hop}, ${mels} mel bands${coefficients ? `, ${coefficients} coefficients` : ""}`;
  }
  const { fit, mean, std } = preparation;
  return `pictures, ${{ stretch: "stretched", crop: "cropped", pad: "padded" }[fit]}, (x − ${mean[0]}) / ${String(std[0]).replace("-", "−")}`;
}

function list(id, entries) {
  const pair = ([term, text]) => {
    const group = document.createElement("div");
    group.append(element("dt", term), element("dd", text));
    return group;
  };
  at(id).replaceChildren(...Object.entries(entries).map(pair));
}

function row({ operator, shape, dtype, weights, macs }, i, part) {
  const line = document.createElement("tr");
  const share = element("td", "", "share");
  if (macs) share.append(element("span", ""));
  share.style.setProperty("--part", part);
  line.append(
    element("td", String(i + 1)),
    element("td", operator),
    element("td", `${dtype} ${shape.join("×")}`),
    element("td", weights ? bytes(weights) : "", "number"),
    element("td", macs ? grouped(macs) : "", "number"),
    share,
  );
  return line;
}

const element = (tag, textContent, className = "") => Object.assign(document.createElement(tag), { textContent, className });
