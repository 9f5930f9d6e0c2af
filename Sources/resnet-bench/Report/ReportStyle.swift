/// The look of the page: light, dark, narrow and on paper.
enum ReportStyle {
    /// What is drawn twice for two widths: the narrow one is hidden on wide screens and on paper.
    static let css = """
        :root {
          --page: #fbfbfa; --card: #ffffff; --ink: #1c2024; --soft: #5c6570; --line: #e2e5e9; --track: #eef0f3;
          --blue: #1d5fd6; --orange: #b4540a; --green: #0b7a58; --purple: #7a3fc2; --red: #b3261e;
          --amber-back: #fff4de; --amber-line: #e3a12f;
        }
        @media screen and (prefers-color-scheme: dark) {
          :root {
            --page: #14171a; --card: #1b1f24; --ink: #e8eaed; --soft: #a3adb8; --line: #2f363e; --track: #282e35;
            --blue: #7fb0ff; --orange: #ffb066; --green: #5fd6a8; --purple: #c9a2ff; --red: #ff8f85;
            --amber-back: #33291a; --amber-line: #b98326;
          }
        }
        * { box-sizing: border-box; }
        body {
          margin: 0; background: var(--page); color: var(--ink);
          font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif;
        }
        main { max-width: 940px; margin: 0 auto; padding: 28px 20px 48px; }
        h1 { font-size: 26px; line-height: 1.2; margin: 0; letter-spacing: -0.01em; }
        h2 { font-size: 18px; margin: 0 0 4px; }
        h3 { font-size: 14px; margin: 18px 0 4px; }
        p { margin: 0 0 10px; max-width: 72ch; }
        .soft { color: var(--soft); }
        header p { margin: 6px 0 0; }
        section { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 18px 20px; margin-top: 18px; }
        .tiles { display: grid; grid-template-columns: repeat(4, 1fr); gap: 12px; margin-top: 18px; }
        .tile { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 12px 16px; }
        .tile b { display: block; font-size: 24px; line-height: 1.2; font-weight: 650; font-variant-numeric: tabular-nums; }
        .tile span { color: var(--soft); font-size: 13px; }
        .warnings { background: var(--amber-back); border-color: var(--amber-line); }
        .warnings ul { margin: 6px 0 0; padding-left: 20px; }
        .warnings li { overflow-wrap: anywhere; }
        code, .kernel, .name { font-family: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: 12.5px; }
        table { border-collapse: collapse; width: 100%; font-size: 13px; font-variant-numeric: tabular-nums; }
        th { text-align: left; font-weight: 600; color: var(--soft); vertical-align: bottom; }
        th, td { padding: 5px 8px; border-bottom: 1px solid var(--line); }
        tr:last-child td { border-bottom: 0; }
        th:first-child, td:first-child { padding-left: 0; }
        th:last-child, td:last-child { padding-right: 0; }
        .number { text-align: right; }
        td.number { white-space: nowrap; }
        dl { display: grid; grid-template-columns: max-content 1fr; gap: 4px 18px; margin: 8px 0 0; font-size: 14px; }
        dt { color: var(--soft); }
        dd { margin: 0; overflow-wrap: anywhere; }
        .plot { display: block; width: 100%; height: auto; max-width: 820px; margin: 6px auto 0; }
        .plot text { fill: var(--soft); font-size: 12px; }
        .plot text.title { fill: var(--ink); font-size: 12.5px; }
        .plot text.number { fill: var(--ink); font-weight: 700; font-size: 12.5px; }
        .middle { text-anchor: middle; }
        .end { text-anchor: end; }
        .narrow { display: none; }
        svg line, svg polyline { fill: none; stroke-width: 2; stroke: var(--soft); }
        svg .grid { stroke: var(--line); stroke-width: 1; }
        svg .axis { stroke: var(--soft); stroke-width: 1; }
        svg .ideal { stroke: var(--soft); stroke-dasharray: 2 5; stroke-linecap: round; }
        svg .limit { stroke: var(--soft); stroke-width: 1; stroke-dasharray: 8 4; }
        svg .amdahl { stroke: var(--orange); stroke-dasharray: 9 5; }
        svg .usl { stroke: var(--green); stroke-dasharray: 12 4 2 4; }
        svg .leader { stroke: var(--ink); stroke-width: 0.75; }
        svg .s0 { stroke: var(--blue); }
        svg .s1 { stroke: var(--purple); }
        svg .s2 { stroke: var(--red); }
        svg .s3 { stroke: var(--green); }
        svg circle.measured { fill: var(--card); stroke-width: 2; }
        svg circle.s0 { fill: var(--blue); }
        svg circle.s2 { fill: var(--red); }
        svg .spread { stroke-width: 1.5; }
        svg .roof.compute { stroke: var(--blue); }
        svg .roof.memory { stroke: var(--orange); stroke-dasharray: 9 5; }
        svg circle.layer { stroke: var(--card); stroke-width: 1; fill-opacity: 0.75; }
        svg .layer.compute { fill: var(--blue); }
        svg .layer.memory { fill: var(--orange); }
        svg .layer.none { fill: var(--soft); }
        svg .track { fill: var(--track); }
        .legend { list-style: none; display: flex; flex-wrap: wrap; gap: 4px 20px; margin: 10px 0 0; padding: 0; font-size: 13px; }
        .legend li { display: flex; align-items: center; gap: 8px; }
        .swatch { width: 28px; height: 12px; flex: none; }
        .key { columns: 2; column-gap: 32px; font-size: 13px; margin: 10px 0 0; padding-left: 22px; }
        .key li { break-inside: avoid; overflow-wrap: anywhere; }
        .layers .bars { width: 26%; }
        .layers .what span { display: block; overflow-wrap: anywhere; }
        .layers .kernel { color: var(--soft); font-size: 11.5px; }
        .bar { display: block; width: 100%; height: 12px; }
        .laws { margin: 0; padding-left: 20px; }
        .chips { list-style: none; display: flex; flex-wrap: wrap; gap: 6px; padding: 0; margin: 8px 0 0; font-size: 13px; }
        .chips li { border: 1px solid var(--line); border-radius: 6px; padding: 2px 8px; }
        @media screen and (max-width: 620px) {
          main { padding: 18px 12px 32px; }
          section { padding: 14px 14px; }
          h1 { font-size: 22px; overflow-wrap: anywhere; }
          .tiles { grid-template-columns: repeat(2, 1fr); }
          .wide { display: none; }
          .narrow { display: block; }
          .key { columns: 1; }
          dl { grid-template-columns: 1fr; gap: 0; }
          dd { margin-bottom: 8px; }
          thead, .none { display: none; }
          table, tbody { display: block; }
          tr { display: flex; flex-wrap: wrap; gap: 0 14px; padding: 8px 0; border-bottom: 1px solid var(--line); }
          tr:last-child { border-bottom: 0; }
          td { border: 0; padding: 0; }
          .layers .what, .layers .bars { width: 100%; }
          .layers .bars { padding: 4px 0; }
          [data-unit]::after { content: "\\00a0" attr(data-unit); color: var(--soft); }
          .runs td { display: flex; justify-content: space-between; width: calc(50% - 7px); }
          [data-label]::before { content: attr(data-label); color: var(--soft); }
        }
        @page { margin: 14mm; }
        @media print {
          body { background: none; font-size: 10.5pt; }
          main { max-width: none; padding: 0; }
          section, .tile { border-radius: 0; break-inside: avoid; }
          section.long { break-inside: auto; }
          .layers tr { break-inside: avoid; }
          .warnings { background: none; }
          table { font-size: 8pt; }
          th, td { padding: 3px 4px; }
          .plot { max-width: 620px; }
        }

        """
}
