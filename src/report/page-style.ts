/** The look of the page; light and dark follow the reader's system. */
export const pageStyle = `
:root {
  color-scheme: light dark;
  --page: #f6f7f8; --surface: #ffffff; --ink: #1a1f26; --muted: #5b6572; --line: #dde1e6;
  --accent: #3457d5; --right: #177245; --right-soft: #e3f4ea; --wrong: #b3261e; --wrong-soft: #fce8e6;
  --unsure: #8a5a00; --unsure-soft: #fdf0d5;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #12161b; --surface: #1a2027; --ink: #e4e8ed; --muted: #9aa5b1; --line: #2d353f;
    --accent: #8ea8ff; --right: #6fd39b; --right-soft: #163324; --wrong: #ff9a90; --wrong-soft: #3d1c1a;
    --unsure: #f0bf62; --unsure-soft: #382a10;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  -webkit-text-size-adjust: 100%;
}
main { max-width: 1120px; margin: 0 auto; padding: 32px 20px 64px; }
h1 { font-size: 28px; line-height: 1.2; margin: 0 0 8px; letter-spacing: -0.01em; }
h2 { font-size: 19px; line-height: 1.3; margin: 0 0 12px; }
h3 { font-size: 15px; margin: 20px 0 8px; }
p { margin: 0 0 8px; }
a { color: var(--accent); }
code { font: 12.5px/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; overflow-wrap: anywhere; }
pre { margin: 0; padding: 12px; background: var(--page); border-radius: 6px; overflow-x: auto; }
pre code { white-space: pre-wrap; }
header { margin-bottom: 24px; }
.brand { color: var(--muted); font-size: 13px; letter-spacing: 0.02em; margin-bottom: 4px; }
.lead { max-width: 72ch; color: var(--muted); }
.chips { display: flex; flex-wrap: wrap; gap: 8px; list-style: none; margin: 12px 0 0; padding: 0; }
.chips li { border: 1px solid var(--line); border-radius: 999px; padding: 2px 12px; font-size: 13px; background: var(--surface); }
section:not(.cards) { background: var(--surface); border: 1px solid var(--line); border-radius: 10px; padding: 20px; margin-top: 16px; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(220px, 1fr)); gap: 16px; }
.card { background: var(--surface); border: 1px solid var(--line); border-radius: 10px; padding: 16px 18px; }
.card h2 { font-size: 13px; font-weight: 600; color: var(--muted); margin: 0 0 4px; }
.big { font-size: 30px; line-height: 1.2; font-weight: 650; margin: 0 0 8px; letter-spacing: -0.02em; font-variant-numeric: tabular-nums; }
.verdict .big { font-size: 24px; line-height: 36px; letter-spacing: -0.01em; }
.chance { font-size: 13.5px; margin: 0 0 4px; font-variant-numeric: tabular-nums; }
.detail { font-size: 12.5px; color: var(--muted); margin: 0; font-variant-numeric: tabular-nums; }
.note { font-size: 13.5px; color: var(--muted); max-width: 90ch; overflow-wrap: anywhere; }
.bar { position: relative; height: 6px; border-radius: 3px; background: var(--line); margin: 0 0 10px; }
.bar i { position: absolute; inset: 0 auto 0 0; border-radius: 3px; background: var(--accent); }
.bar u { position: absolute; top: -3px; bottom: -3px; width: 2px; margin-left: -1px; background: var(--ink); }
.clean .big { color: var(--right); } .leaking .big { color: var(--wrong); } .unchecked .big { color: var(--unsure); }
.scroll { overflow-x: auto; }
.scroll + .note { margin-top: 10px; }
table { border-collapse: collapse; width: 100%; font-size: 13.5px; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; padding: 4px 0 8px; }
th, td { text-align: left; padding: 6px 14px 6px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th:last-child, td:last-child { padding-right: 0; }
thead th { color: var(--muted); font-weight: 500; white-space: nowrap; }
tbody th { font-weight: 500; overflow-wrap: anywhere; min-width: 9em; }
.number { text-align: right; white-space: nowrap; }
.zero, .faint td { color: var(--muted); }
.faint td { padding-top: 0; font-size: 12.5px; }
tr:has(+ .faint) > * { border-bottom: 0; padding-bottom: 0; }
.evidence { overflow-wrap: anywhere; min-width: 12em; }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(300px, 100%), 1fr)); gap: 20px 24px; }
figure { margin: 0; min-width: 0; }
figcaption { margin-bottom: 4px; }
figcaption > span { display: flex; flex-wrap: wrap; gap: 0 12px; font-size: 12.5px; color: var(--muted); font-variant-numeric: tabular-nums; }
.chart svg { display: block; width: 100%; height: auto; }
.query { border-top: 1px solid var(--line); padding: 14px 0 18px; }
.words { font-size: 16px; margin: 0; overflow-wrap: anywhere; }
ol { list-style: none; margin: 10px 0 0; padding: 0; }
.pictures { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px; }
.pictures img { display: block; width: 100%; aspect-ratio: 4 / 3; object-fit: contain; background: var(--page); border-radius: 6px; }
.pictures li { min-width: 0; }
.pictures .detail { margin-top: 4px; }
.pictures .right img { outline: 3px solid var(--right); outline-offset: 0; }
.pictures .expected img { outline: 2px dashed var(--muted); outline-offset: 0; }
.tick { color: var(--right); font-weight: 700; }
.picture-queries { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(460px, 100%), 1fr)); gap: 0 28px; }
.picture-query { display: grid; grid-template-columns: 160px minmax(0, 1fr); gap: 16px; }
.picture-query img { display: block; width: 100%; border-radius: 6px; margin-bottom: 6px; }
.texts { margin: 0; font-size: 14px; }
.texts li { padding: 4px 8px; border-left: 3px solid var(--line); margin-bottom: 4px; overflow-wrap: anywhere; }
.texts .right { border-color: var(--right); background: var(--right-soft); }
.texts .expected { border-left-style: dashed; color: var(--muted); }
.stage + .stage { border-top: 1px solid var(--line); margin-top: 20px; }
.stage h3 { display: flex; align-items: center; gap: 10px; margin-top: 14px; }
.badge { font-size: 12px; font-weight: 600; border-radius: 999px; padding: 1px 10px; }
.badge.clean, .verdict-line.clean { color: var(--right); background: var(--right-soft); }
.badge.leaking, .verdict-line.leaking { color: var(--wrong); background: var(--wrong-soft); }
.badge.unchecked, .verdict-line.unchecked { color: var(--unsure); background: var(--unsure-soft); }
.verdict-line { padding: 10px 14px; border-radius: 6px; overflow-wrap: anywhere; }
details { margin-top: 8px; }
summary { cursor: pointer; font-weight: 500; padding: 4px 0; }
.pairs { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(320px, 100%), 1fr)); gap: 0 32px; margin: 0 0 12px; font-size: 13.5px; }
.pairs div { display: flex; justify-content: space-between; gap: 16px; border-bottom: 1px solid var(--line); padding: 5px 0; min-width: 0; }
.pairs dt { color: var(--muted); overflow-wrap: anywhere; }
.pairs dd { margin: 0; text-align: right; overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
@media (max-width: 560px) {
  main { padding: 20px 12px 40px; }
  h1 { font-size: 23px; }
  section:not(.cards) { padding: 16px 14px; }
  .cards { grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 10px; }
  .card { padding: 12px; } .big { font-size: 24px; } .verdict .big { font-size: 18px; line-height: 29px; }
  .pictures { grid-template-columns: repeat(3, minmax(0, 1fr)); gap: 8px; }
  .picture-query { grid-template-columns: 110px minmax(0, 1fr); gap: 10px; }
}
@media print { body { background: none; } section, .card { break-inside: avoid; } }
`;
