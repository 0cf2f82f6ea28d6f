"""The report's style sheet: the kiosk page's colours, light or dark as the reader prefers; on paper always light."""

STYLE = """\
:root {
  color-scheme: light dark;
  --wall: #10201c; --on-wall: #eef4f1; --on-wall-quiet: #adc0b8; --sun: #ffd447;
  --paper: #f4f5f1; --card: #ffffff; --ink: #14221e; --quiet: #52615b; --line: #d5dad4;
  --pine: #0e5a4b; --pine-pale: #9ccbbb; --amber: #b8620b; --amber-pale: #f0c48c; --grey: #9fada7; --brick: #a3341f;
  --sans: -apple-system, "Segoe UI", Roboto, "Source Sans 3", "Noto Sans", system-ui, sans-serif;
  --display: "Source Serif 4", "Source Serif Pro", Charter, "Noto Serif", ui-serif, Georgia, serif;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --wall: #0a1512; --paper: #16211d; --card: #1f2c27; --ink: #edf3f0; --quiet: #a8b9b1; --line: #33423c;
    --pine: #86dcc4; --pine-pale: #3d7a69; --amber: #ffb454; --amber-pale: #8a5a1c; --grey: #6f8079; --brick: #ff8f75;
  }
}
*, *::before, *::after { box-sizing: border-box; }
html { font: 100%/1.5 var(--sans); color: var(--ink); background: var(--paper); text-size-adjust: 100%; }
body { margin: 0; }
h1, h2, h3, p, dl, dd, figure, table { margin: 0; }
header { color: var(--on-wall); background: var(--wall); }
header > div, main, footer { max-width: 72rem; margin: 0 auto; padding: 0 clamp(1rem, 4vw, 2.5rem); }
header > div { padding-block: clamp(1.75rem, 5vw, 3.25rem); }
.eyebrow { color: var(--sun); font-weight: 700; letter-spacing: 0.02em; }
h1 { font: 600 clamp(2rem, 1.2rem + 3.6vw, 3.5rem)/1.1 var(--display); text-wrap: balance; margin: 0.35rem 0 0.9rem; }
h1 b { position: relative; display: inline-block; font-weight: inherit; padding: 0 0.16em; margin-left: -0.16em; }
h1 b::before {
  content: ""; position: absolute; inset: 0.02em 0 -0.04em; --pen: linear-gradient(var(--sun) 0 0); --arm: 0.3em;
  background:
    var(--pen) 0 0 / var(--arm) 3px, var(--pen) 0 0 / 3px var(--arm),
    var(--pen) 100% 0 / var(--arm) 3px, var(--pen) 100% 0 / 3px var(--arm),
    var(--pen) 0 100% / var(--arm) 3px, var(--pen) 0 100% / 3px var(--arm),
    var(--pen) 100% 100% / var(--arm) 3px, var(--pen) 100% 100% / 3px var(--arm);
  background-repeat: no-repeat;
}
header p { max-width: 44rem; text-wrap: pretty; }
.figures {
  display: grid; grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)); gap: 1rem 2rem;
  margin-top: 1.75rem; padding-top: 1.25rem; border-top: 1px solid #3a4f48;
}
.figures dt { color: var(--on-wall-quiet); font-size: 0.875rem; }
.figures dd { font: 600 clamp(1.25rem, 0.9rem + 1.2vw, 1.75rem)/1.2 var(--display);
  font-variant-numeric: lining-nums tabular-nums; }
.figures small { display: block; font: 0.875rem/1.4 var(--sans); color: var(--on-wall-quiet); }
main { padding-block: clamp(1rem, 3vw, 2rem); display: grid; gap: clamp(1rem, 2.5vw, 1.75rem); }
section { background: var(--card); border-radius: 0.25rem; box-shadow: 0 0 0 1px var(--line); min-width: 0;
  padding: clamp(1rem, 3vw, 2rem); break-inside: avoid; }
h2 { font: 600 clamp(1.25rem, 1.1rem + 0.8vw, 1.5rem)/1.2 var(--display); text-wrap: balance; }
h3 { font-size: 1rem; line-height: 1.3; }
section > p { max-width: 44rem; color: var(--quiet); margin-top: 0.35rem; text-wrap: pretty; }
.pair { display: grid; grid-template-columns: minmax(0, 1fr); gap: 1.75rem 3rem; margin-top: 1.5rem; }
.charts { display: grid; gap: 1.75rem; align-content: start; min-width: 0; }
.charts h3 + svg { margin-top: 0.5rem; }
@media (min-width: 56rem) { .pair { grid-template-columns: minmax(0, 7fr) minmax(0, 5fr); } }
.chart { display: block; overflow: visible; font: 0.8125rem/1 var(--sans); font-variant-numeric: tabular-nums; }
.chart text { fill: var(--ink); }
.chart .label { fill: var(--quiet); }
.chart .side { font-weight: 700; font-size: 0.9375rem; }
.chart .value { font-weight: 600; }
.chart .axis { stroke: var(--grey); }
.chart .plain, .chart .ok, .chart .right { fill: var(--pine); }
.chart .left { fill: var(--amber); }
.chart .left.pale { fill: var(--amber-pale); }
.chart .right.pale { fill: var(--pine-pale); }
.chart .none { fill: var(--grey); }
.chart .failed { fill: var(--brick); }
table { width: 100%; border-collapse: collapse; font-size: 0.9375rem; align-self: start; }
caption { text-align: left; font-weight: 700; padding-bottom: 0.4rem; }
th, td { padding: 0.32rem 0 0.32rem 0.9rem; border-top: 1px solid var(--line); text-align: right; vertical-align: top;
  font-variant-numeric: tabular-nums; }
th:first-child { padding-left: 0; text-align: left; font-weight: 400; }
thead th, thead th:first-child { border-top: 0; color: var(--quiet); font-weight: 400; font-size: 0.8125rem; }
tfoot th, tfoot td, tfoot th:first-child { font-weight: 700; border-top: 2px solid var(--line); }
@media (max-width: 30rem) {
  table { font-size: clamp(0.6875rem, 3.1vw, 0.8125rem); }
  th, td { padding-left: 0.4rem; }
  thead th, thead th:first-child { font-size: inherit; }
}
.swatch { display: inline-block; width: 0.8em; height: 0.8em; margin-right: 0.5em; border-radius: 2px;
  background: var(--grey); print-color-adjust: exact; -webkit-print-color-adjust: exact; }
.swatch.ok, .swatch.right { background: var(--pine); }
.swatch.failed { background: var(--brick); }
.swatch.left { background: var(--amber); }
.kinds { display: grid; gap: 1.5rem 3rem; grid-template-columns: repeat(auto-fill, minmax(min(100%, 19rem), 1fr));
  margin-top: 2rem; padding-top: 1.5rem; border-top: 2px solid var(--line); }
.kinds > div { min-width: 0; break-inside: avoid; }
.kinds dt { font-weight: 700; }
.kinds dt code { display: block; font: 0.8125rem ui-monospace, Consolas, monospace; color: var(--quiet); }
.kinds dd { color: var(--quiet); }
.kinds ul { margin: 0.25rem 0 0; padding: 0; list-style: none; color: var(--ink);
  font: 0.8125rem/1.5 ui-monospace, Consolas, monospace; }
.kinds li { overflow-wrap: anywhere; padding-left: 1em; text-indent: -1em; }
.made { margin-top: 1rem; display: grid; gap: 0.35rem 2rem; }
.made > div { display: grid; grid-template-columns: minmax(0, 12rem) minmax(0, 1fr); gap: 0 1rem; }
.made dt { color: var(--quiet); }
.made dd { overflow-wrap: anywhere; }
@media (max-width: 40rem) { .made > div { grid-template-columns: minmax(0, 1fr); } }
footer { padding-block: 0 2.5rem; color: var(--quiet); font-size: 0.9375rem; }
footer p { max-width: 44rem; margin-top: 0.5rem; text-wrap: pretty; }
footer h2 { font-size: 1.125rem; color: var(--ink); }
@page { margin: 14mm; }
@media print {
  :root { --wall: #ffffff; --on-wall: #14221e; --on-wall-quiet: #52615b; --sun: #0e5a4b; --paper: #ffffff; }
  html { font-size: 10pt; }
  header > div, main, footer { max-width: none; padding: 0; }
  main { display: block; }
  section { box-shadow: none; border-top: 1px solid var(--line); border-radius: 0; padding: 5mm 0; margin-top: 5mm; }
  .pair { grid-template-columns: minmax(0, 7fr) minmax(0, 5fr); }
  .figures { border-color: var(--line); }
  h2 { break-after: avoid; }
}
"""
