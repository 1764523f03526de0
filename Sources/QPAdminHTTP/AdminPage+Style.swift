// AdminPage+Style.swift
//
// How the page looks: dense, light and dark, from 360 pixels upwards.

extension AdminPage {
    /// The style sheet.
    static let style = #"""

        :root {
          --ground: #f3f5f7; --paper: #ffffff; --raised: #f8f9fb; --line: #d8dee4; --strong: #afb8c1;
          --ink: #1c2228; --quiet: #57606a; --accent: #0a58a8; --focus: #0a58a8;
          --good: #16702f; --bad: #b3261e; --warn: #875200;
          --bad-ground: #fdecea; --warn-ground: #fdf3dc; --pick: #e6f0fb;
          --mono: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace;
        }
        @media (prefers-color-scheme: dark) {
          :root {
            --ground: #0e1216; --paper: #161b20; --raised: #1c2229; --line: #2c343c; --strong: #56616d;
            --ink: #e2e7ec; --quiet: #9ba7b3; --accent: #79b8ff; --focus: #79b8ff;
            --good: #5cc47e; --bad: #ff9087; --warn: #e3b455;
            --bad-ground: #3a1c1b; --warn-ground: #352a14; --pick: #1b2d42;
          }
        }
        * { box-sizing: border-box; }
        [hidden] { display: none !important; }
        html { color-scheme: light dark; scroll-padding-top: 48px; }
        body {
          margin: 0; background: var(--ground); color: var(--ink);
          font: 13px/1.4 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif;
          font-variant-numeric: tabular-nums;
        }
        h1, h2, h3, p, ul, ol, dl, dd, figure, fieldset { margin: 0; padding: 0; border: 0; }
        ul, ol { list-style: none; }
        h1 { font-size: 16px; overflow-wrap: anywhere; }
        h2 { font-size: 13px; font-weight: 650; white-space: nowrap; }
        h3 { font-size: 12px; margin: 14px 0 5px; }
        small, .quiet { color: var(--quiet); font-weight: 400; font-size: 12px; }
        kbd, code { font-family: var(--mono); font-size: 12px; }
        kbd { border: 1px solid var(--strong); border-radius: 3px; padding: 0 4px; }
        a { color: var(--accent); }
        .hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
        .skip { position: absolute; left: 8px; top: -60px; z-index: 9; padding: 8px 12px; background: var(--paper); }
        .skip:focus { top: 8px; }
        :focus-visible { outline: 2px solid var(--focus); outline-offset: 1px; }
        section:focus { outline: none; }
        section:focus-visible { outline: 2px solid var(--focus); }

        button, input, select {
          font: inherit; color: inherit; background: var(--paper); min-height: 28px; padding: 2px 9px;
          border: 1px solid var(--strong); border-radius: 5px;
        }
        button { cursor: pointer; white-space: nowrap; }
        button:hover { border-color: var(--ink); }
        button[aria-pressed="true"] { background: var(--warn-ground); border-color: var(--warn); }
        input[type="checkbox"] { min-height: 0; margin: 0 4px 0 0; vertical-align: -2px; accent-color: var(--accent); }
        input[aria-invalid="true"] { border-color: var(--bad); }
        ::placeholder { color: var(--quiet); opacity: 1; }
        .query { flex: 1 1 150px; min-width: 0; font-family: var(--mono); font-size: 12px; }
        .plugin { flex: 0 1 120px; min-width: 0; width: 120px; }
        .check { white-space: nowrap; color: var(--quiet); }
        .choice { display: flex; }
        .choice label { position: relative; }
        .choice input { position: absolute; inset: 0; width: 100%; height: 100%; opacity: 0; cursor: pointer; }
        .choice span { display: block; padding: 4px 10px; border: 1px solid var(--strong); margin-left: -1px; }
        .choice label:nth-of-type(1) span { border-radius: 5px 0 0 5px; margin-left: 0; }
        .choice label:last-of-type span { border-radius: 0 5px 5px 0; }
        .choice input:checked + span { background: var(--pick); color: var(--accent); font-weight: 650; }
        .choice input:focus-visible + span { outline: 2px solid var(--focus); outline-offset: 1px; }

        header { background: var(--paper); border-bottom: 1px solid var(--line); }
        .bar { display: flex; flex-wrap: wrap; align-items: center; gap: 4px 12px; padding: 7px 14px; }
        .gap { flex: 1; }
        .mode { font-size: 12px; padding: 1px 7px; margin-right: 4px; border-radius: 9px; color: var(--warn);
          background: var(--warn-ground); }
        .link { font-size: 12px; color: var(--quiet); }
        .link::before { content: ""; display: inline-block; width: 8px; height: 8px; border-radius: 50%;
          background: var(--strong); margin-right: 6px; }
        .link.good::before { background: var(--good); }
        .link.bad { color: var(--bad); }
        .link.bad::before { background: var(--bad); border-radius: 0; }
        .numbers { display: grid; grid-template-columns: repeat(auto-fit, minmax(104px, 1fr));
          border-top: 1px solid var(--line); padding: 0 14px; }
        .numbers div { padding: 6px 10px 7px 0; min-width: 0; }
        .numbers dt { color: var(--quiet); font-size: 11.5px; white-space: nowrap; }
        .numbers dd { font-size: 17px; line-height: 1.25; font-weight: 600; white-space: nowrap; }
        .numbers dd.under { font-size: 11px; font-weight: 400; color: var(--quiet); }
        nav { display: none; }
        .banner { display: flex; align-items: center; gap: 12px; padding: 8px 14px; background: var(--bad-ground);
          color: var(--bad); border-bottom: 1px solid var(--bad); font-weight: 600; }
        .stale .numbers, .stale main { opacity: 0.65; }

        main { display: grid; gap: 10px; padding: 10px 14px 14px;
          grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); }
        section { background: var(--paper); border: 1px solid var(--line); border-radius: 7px; min-width: 0;
          position: relative; }
        .wide, .alarms { grid-column: 1 / -1; }
        .alarms { border: 0; background: none; }
        .alarms:has(ul:empty) { display: none; }
        .alarms ul { display: flex; flex-wrap: wrap; gap: 6px; }
        .alarms li { flex: 0 1 auto; padding: 4px 10px; border-left: 4px solid var(--warn); border-radius: 3px;
          background: var(--warn-ground); overflow-wrap: anywhere; }
        .alarms li.bad { border-color: var(--bad); background: var(--bad-ground); color: inherit; }
        .alarms li.bad b { color: var(--bad); }
        .alarms b { margin-right: 6px; }
        .head { display: flex; flex-wrap: wrap; align-items: center; gap: 6px 8px; padding: 7px 10px; }
        .note { white-space: nowrap; overflow: hidden; text-overflow: ellipsis; min-width: 0; }
        .error { color: var(--bad); padding: 0 10px 7px; white-space: pre-wrap; overflow-wrap: anywhere; }
        .error:empty { display: none; }
        .error code { display: block; }
        .error mark { background: var(--bad); color: var(--paper); }

        .charts { display: grid; grid-template-columns: minmax(0, 2fr) minmax(0, 1fr); }
        figure { padding: 7px 10px 4px; min-width: 0; }
        figure + figure { border-left: 1px solid var(--line); }
        figcaption { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 2px 14px; }
        .legend { display: flex; flex-wrap: wrap; gap: 0 14px; font-size: 12px; min-height: 17px; }
        .legend svg { width: 18px; height: 9px; margin-right: 5px; }
        .legend b { display: inline-block; min-width: 2em; }
        figure > svg { display: block; width: 100%; height: 116px; margin-top: 2px; touch-action: pan-y; }
        svg text { fill: var(--quiet); font-size: 10.5px; }
        svg path { fill: none; stroke-width: 1.5; stroke-linejoin: round; }
        .grid { stroke: var(--line); stroke-width: 1; }
        .cross { stroke: var(--quiet); stroke-width: 1; }
        .s-connections { stroke: var(--quiet); }
        .s-queued { stroke: var(--good); }
        .s-rejected { stroke: var(--bad); stroke-dasharray: 5 2; }
        .s-deferred { stroke: var(--warn); stroke-dasharray: 2 2; }
        .s-latency { stroke: var(--accent); }

        .box { overflow: auto; height: clamp(210px, 33vh, 560px); border-top: 1px solid var(--line);
          overscroll-behavior: contain; border-radius: 0 0 7px 7px; }
        .box:focus-visible { outline-offset: -2px; }
        table { border-collapse: separate; border-spacing: 0; width: 100%; }
        th, td { text-align: left; padding: 2px 10px; white-space: nowrap; height: 23px; }
        .box thead th { position: sticky; top: 0; z-index: 1; padding: 0; background: var(--raised);
          border-bottom: 1px solid var(--line); font-weight: 500; color: var(--quiet); font-size: 12px; }
        thead button { border: 0; border-radius: 0; background: none; width: 100%; padding: 2px 10px; min-height: 25px;
          text-align: inherit; color: inherit; }
        .box thead span { display: block; padding: 3px 10px; }
        thead button:focus-visible, tbody tr:focus-visible { outline-offset: -2px; }
        th[aria-sort] { color: var(--ink); }
        th[aria-sort="ascending"] button::after { content: " ↑"; }
        th[aria-sort="descending"] button::after { content: " ↓"; }
        .box tbody td { border-bottom: 1px solid var(--line); max-width: clamp(150px, 17vw, 460px); overflow: hidden;
          text-overflow: ellipsis; }
        #hooks-table td, #hooks-table th button { padding-left: 6px; padding-right: 6px; }
        .box td.long { max-width: clamp(220px, 24vw, 600px); }
        .box th.mono { font-family: inherit; }
        tbody.opens tr { cursor: pointer; }
        tbody.opens tr:hover td { background: var(--pick); }
        th.number, td.number { text-align: right; }
        .mono { font-family: var(--mono); font-size: 12px; }
        .good { color: var(--good); } .bad { color: var(--bad); } .warn { color: var(--warn); }
        td.off { color: var(--quiet); }
        .plain { border: 0; background: none; padding: 0; min-height: 0; color: inherit; text-align: left; }
        #sessions-table td:first-child .plain { color: var(--accent); }
        .empty { padding: 18px 10px; color: var(--quiet); text-align: center; }

        .lines { font-family: var(--mono); font-size: 12px; line-height: 1.45; padding: 4px 0; }
        .lines li { padding: 0 10px 0 22px; text-indent: -12px; overflow-wrap: anywhere; white-space: pre-wrap; }
        .lines li:hover { background: var(--raised); }
        .lines time, .lines .fields { color: var(--quiet); }
        .lines .plain { text-indent: 0; color: var(--accent); font: inherit; white-space: normal; }
        .lines .plugin-name { font-weight: 600; }
        .lines .lost { color: var(--warn); background: var(--warn-ground); }
        .newest { position: absolute; right: 18px; bottom: 10px; }

        dialog { color: inherit; background: var(--paper); border: 1px solid var(--strong); border-radius: 8px;
          padding: 16px; width: min(480px, calc(100vw - 20px)); }
        dialog::backdrop { background: rgb(0 0 0 / 0.35); }
        dialog h2 { font-size: 15px; white-space: normal; overflow-wrap: anywhere; }
        dialog p, dialog ul { margin: 6px 0 10px; }
        dialog li { margin-bottom: 3px; }
        dialog form > label { display: block; margin-top: 8px; }
        dialog form > input, dialog form > select { width: 100%; }
        dialog .error { padding: 0; }
        .buttons { display: flex; gap: 8px; margin-top: 14px; }
        .side { margin: 0 0 0 auto; width: min(780px, 100vw); max-width: 100vw; height: 100dvh; max-height: 100dvh;
          border-width: 0 0 0 1px; border-radius: 0; padding: 0; }
        .side[open] { display: flex; flex-direction: column; }
        .side > .head { border-bottom: 1px solid var(--line); padding: 9px 14px; }
        #detail-body { overflow: auto; padding: 12px 14px 20px; flex: 1; }
        .decision { border-left: 4px solid var(--strong); background: var(--raised); padding: 7px 11px;
          border-radius: 3px; overflow-wrap: anywhere; margin-bottom: 10px; }
        .decision.bad { border-color: var(--bad); background: var(--bad-ground); color: inherit; }
        .decision.warn { border-color: var(--warn); background: var(--warn-ground); color: inherit; }
        .decision.good { border-color: var(--good); color: inherit; }
        .facts { display: grid; grid-template-columns: repeat(auto-fill, minmax(140px, 1fr)); gap: 5px 14px; }
        .facts dt { color: var(--quiet); font-size: 11.5px; }
        .facts dd { overflow-wrap: anywhere; }
        .scroll { position: relative; overflow-x: auto; border: 1px solid var(--line); border-radius: 5px; }
        .scroll th { background: var(--raised); color: var(--quiet); font-weight: 500; font-size: 12px; }
        .scroll td { border-top: 1px solid var(--line); vertical-align: top; }
        .scroll td.text { white-space: normal; min-width: 180px; overflow-wrap: anywhere; }
        .scroll tr.decided td { font-weight: 600; }
        .scroll tr.decision-row td { background: var(--warn-ground); }
        .scroll tr.decision-row td:first-child { box-shadow: inset 3px 0 var(--warn); }

        @media (max-width: 900px) {
          html { scroll-padding-top: 44px; }
          main, .charts { grid-template-columns: minmax(0, 1fr); }
          main { padding: 8px; }
          figure + figure { border-left: 0; border-top: 1px solid var(--line); }
          nav { display: flex; position: sticky; top: 0; z-index: 5; background: var(--paper);
            border-bottom: 1px solid var(--line); }
          nav a { flex: 1; text-align: center; padding: 9px 4px; text-decoration: none; }
          .box { height: clamp(240px, 56vh, 560px); }
          .numbers { grid-template-columns: repeat(auto-fill, minmax(104px, 1fr)); padding-bottom: 4px; }
          .numbers div { padding: 4px 6px 0 0; }
          button, input, select { min-height: 34px; }
          .choice span { padding: 7px 10px; }
          tbody.opens td { height: 34px; }
          #hooks-box { height: auto; max-height: 56vh; }
          .query { flex-basis: 100%; }
          .box td:first-child, .box th:first-child { position: sticky; left: 0; background: var(--paper);
            border-right: 1px solid var(--line); }
          .box th:first-child { z-index: 2; background: var(--raised); }
          tbody.opens tr:hover td:first-child { background: var(--pick); }
          .plain { min-height: 0; }
        }
        @media (prefers-reduced-motion: no-preference) { html { scroll-behavior: smooth; } }

        """#
}
