/** The look of the pairs and of what steers the review; beside the style that all pages share. */
export const reviewStyle = `
main.audit { max-width: 1240px; }
.methods { grid-template-columns: 1fr; margin: 16px 0 12px; }
.methods div { justify-content: flex-start; }
.methods dt { flex: 0 0 13em; } .methods dd { text-align: left; }
.card h2 { font-size: 13px; }
#review { padding-top: 20px; }
.toolbar { position: sticky; top: 0; z-index: 1; background: var(--surface); border-bottom: 1px solid var(--line); margin: 0 -20px 16px; padding: 10px 20px; }
.filters, .tools { display: flex; flex-wrap: wrap; gap: 8px 12px; align-items: end; }
.tools { align-items: center; margin-top: 10px; }
.filters label { display: grid; gap: 2px; font-size: 12.5px; color: var(--muted); min-width: 0; }
button, select, input[type=text] {
  font: inherit; font-size: 13.5px; color: var(--ink); background: var(--page); border: 1px solid var(--line);
  border-radius: 6px; padding: 4px 10px; min-height: 32px; max-width: 100%;
}
select { max-width: 15em; }
button { cursor: pointer; }
button:hover:not(:disabled):not([aria-disabled=true]) { border-color: var(--accent); }
button:disabled, button[aria-disabled=true], input:disabled { opacity: 0.5; cursor: default; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
#page-number { font-size: 13px; color: var(--muted); font-variant-numeric: tabular-nums; }
.said { display: flex; flex-wrap: wrap; gap: 0 16px; margin: 8px 0 0; font-size: 12.5px; min-height: 1.5em; font-variant-numeric: tabular-nums; }
#counts { color: var(--muted); }
.scroll + .scroll { margin-top: 20px; }
.number + td:not(.number), .number + th:not(.number) { padding-left: 14px; }
.pair { border: 1px solid var(--line); border-radius: 10px; padding: 12px 14px; margin-bottom: 12px; scroll-margin: 165px 0 16px; }
.pair:focus-visible { outline: none; }
.pair[aria-current=true] { border-color: var(--accent); box-shadow: 0 0 0 1px var(--accent); }
.pair > header { display: flex; flex-wrap: wrap; gap: 4px 10px; align-items: baseline; margin-bottom: 10px; }
.place-number { font-size: 12.5px; color: var(--muted); font-variant-numeric: tabular-nums; }
.kind { margin-left: auto; }
.badge.leak { color: var(--wrong); background: var(--wrong-soft); }
.badge.suspect, .badge.text { color: var(--unsure); background: var(--unsure-soft); }
.badge.alike { color: var(--muted); background: var(--page); }
.badge.allowed { color: var(--right); background: var(--right-soft); }
.pair { display: grid; grid-template-columns: minmax(0, 3fr) minmax(0, 2fr); gap: 0 20px; }
.pair > header, .pair > footer { grid-column: 1 / -1; }
.sides { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 12px; align-items: start; }
.sides img { display: block; width: 100%; height: 220px; object-fit: contain; background: var(--page); border-radius: 6px; }
.no-picture { display: grid; place-items: center; height: 110px; margin: 0; padding: 0 12px; text-align: center; font-size: 12.5px; color: var(--muted); background: var(--page); border: 1px dashed var(--line); border-radius: 6px; }
blockquote { margin: 0 0 4px; padding: 8px 12px; background: var(--page); border-radius: 6px; overflow-wrap: anywhere; max-height: 12em; overflow-y: auto; }
figcaption { display: grid; gap: 0; margin: 6px 0 0; overflow-wrap: anywhere; }
figcaption > span { display: block; }
.chain { margin: 0; } .chain li { font-size: 13.5px; padding: 0 0 8px 14px; border-left: 2px solid var(--line); overflow-wrap: anywhere; }
.chain li:last-child { padding-bottom: 0; } .chain .detail { display: block; }
.measures { margin: 10px 0 0; font-size: 13px; font-variant-numeric: tabular-nums; }
.measures div { display: flex; gap: 12px; border-top: 1px solid var(--line); padding: 3px 0; }
.measures dt { color: var(--muted); flex: 0 0 8em; } .measures dd { margin: 0; overflow-wrap: anywhere; }
.pair > footer { display: flex; flex-wrap: wrap; gap: 8px 12px; align-items: center; margin-top: 12px; }
.pair input { flex: 1 1 12em; min-width: 0; }
.decided { font-size: 13px; color: var(--muted); }
[data-decision=deny] .decided { color: var(--wrong); font-weight: 600; }
[data-decision=allow] .decided { color: var(--right); font-weight: 600; }
[data-decision=deny] [data-action=deny] { border-color: var(--wrong); color: var(--wrong); }
[data-decision=allow] [data-action=allow] { border-color: var(--right); color: var(--right); }
dialog { color: var(--ink); background: var(--surface); border: 1px solid var(--line); border-radius: 10px; padding: 20px; max-width: 34em; }
dialog::backdrop { background: rgb(0 0 0 / 0.45); }
.keys { margin: 0 0 12px; } .keys div { display: flex; gap: 12px; padding: 3px 0; } .keys dt { flex: 0 0 4.5em; } .keys dd { margin: 0; }
kbd { font: 12.5px/1.4 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; border: 1px solid var(--line); border-bottom-width: 2px; border-radius: 4px; padding: 1px 6px; margin-right: 4px; background: var(--page); }
@media (max-width: 900px) { .pair { grid-template-columns: minmax(0, 1fr); } .why { margin-top: 12px; } .kind { margin-left: 0; } .sides img { height: 200px; } .pair { scroll-margin-top: 165px; } }
@media (max-width: 560px) { .sides img { height: 130px; } .toolbar { position: static; margin: 0 -14px 16px; padding: 10px 14px; } .pair { scroll-margin-top: 12px; } }
@media print { .toolbar, .pair > footer { display: none; } .pair { break-inside: avoid; } }
`;
