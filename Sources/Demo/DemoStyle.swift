// One look for the demonstration's pages, light and dark, from a phone's width up.

enum DemoStyle {
    static let sheet = """
        :root { color-scheme: light dark; --ground: #f6f4ef; --card: #fffdf9; --ink: #1f2a2e;
          --quiet: #5d6b70; --line: #ddd8cc; --accent: #0d6e6e; --on-accent: #ffffff;
          --bar: #2a8f8a; --bar-last: #e08e45; --bad: #a3321f; }
        @media (prefers-color-scheme: dark) { :root { --ground: #12181b; --card: #1a2327;
          --ink: #e6ece9; --quiet: #9fb0b3; --line: #2c383d; --accent: #5cc4bb; --on-accent: #06201f;
          --bar: #4fb3aa; --bar-last: #f0a868; --bad: #ff9d8a; } }
        * { box-sizing: border-box; }
        body { margin: 0; background: var(--ground); color: var(--ink);
          font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
        main { max-width: 60rem; margin: 0 auto; padding: 1.25rem 1rem 3rem; }
        h1 { font-size: 1.6rem; line-height: 1.2; margin: 0 0 .35rem; letter-spacing: -.01em; }
        h2 { font-size: 1.05rem; margin: 0 0 .75rem; }
        p { margin: 0 0 1rem; }
        .quiet { color: var(--quiet); }
        .card { background: var(--card); border: 1px solid var(--line); border-radius: 14px;
          padding: 1.1rem 1.2rem; margin: 0 0 1rem; }
        .narrow { max-width: 25rem; margin: 9vh auto 0; }
        label { display: block; font-weight: 600; font-size: .92rem; margin: .9rem 0 .3rem; }
        input { width: 100%; font: inherit; color: inherit; background: var(--ground);
          border: 1px solid var(--line); border-radius: 9px; padding: .6rem .7rem; }
        button, .button { font: inherit; font-weight: 600; border-radius: 9px; padding: .6rem 1rem;
          border: 1px solid var(--accent); background: var(--accent); color: var(--on-accent);
          cursor: pointer; text-decoration: none; display: inline-block; }
        button.plain { background: transparent; color: var(--accent); }
        :focus-visible { outline: 3px solid var(--bar-last); outline-offset: 2px; }
        .row { display: flex; flex-wrap: wrap; gap: .6rem; align-items: center; margin-top: 1.2rem; }
        .bad { color: var(--bad); font-weight: 600; }
        """

    /// - Parameter body: HTML, escaped where it has to be.
    static func page(title: String, extraStyle: String = "", body: String) -> String {
        """
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <link rel="icon" href="data:,">
        <title>\(title.escapedForHTML)</title>
        <style>\(sheet)\(extraStyle)</style>
        </head>
        <body>
        \(body)
        </body>
        </html>

        """
    }
}
