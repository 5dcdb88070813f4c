// The site's one page: who is signed in, and their energy use as a chart, fetched by the browser from
// `/graphql`. The browser sends a cookie it cannot read; the token is added behind it.

enum SitePage {
    static func home(user: String, name: String, email: String?, groups: [String]) -> String {
        let tags = groups.map { "<li>\($0.escapedForHTML)</li>" }.joined()
        return """
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <link rel="icon" href="data:,">
            <title>Your energy</title>
            <link rel="stylesheet" href="/assets/site.css">
            </head>
            <body>
            <main>
            <header class="top">
            <div>
            <h1>Hello, <span id="name">\(name.escapedForHTML)</span></h1>
            <p class="quiet">Signed in as <b id="user">\(user.escapedForHTML)</b>\(email.map { " · \($0.escapedForHTML)" } ?? "")</p>
            <ul class="tags">\(tags)</ul>
            </div>
            <form method="post" action="/.auth/logout"><button id="sign-out">Sign out</button></form>
            </header>
            <section class="card" aria-labelledby="use">
            <div class="bar">
            <h2 id="use">Electricity use</h2>
            <div class="switch" role="group" aria-label="Resolution">
            <button class="plain" data-resolution="MONTH" data-last="12" aria-pressed="true">Year</button>
            <button class="plain" data-resolution="DAY" data-last="30" aria-pressed="false">30 days</button>
            </div>
            </div>
            <p class="quiet" id="account">Asking the API …</p>
            <figure id="chart" aria-live="polite"></figure>
            <dl id="sums"></dl>
            </section>
            <p class="quiet small">The chart's numbers come from a GraphQL API that wants an access token.
            This page has none: it asks <code>/graphql</code> with the session cookie, which no script
            can read, and Gatehouse adds the token on the way.</p>
            </main>
            <script src="/assets/site.js"></script>
            </body>
            </html>

            """
    }

    static let style = """

        .top { display: flex; flex-wrap: wrap; gap: 1rem; justify-content: space-between;
          align-items: flex-start; margin: .5rem 0 1.25rem; }
        .top p { margin-bottom: .5rem; }
        .tags { list-style: none; display: flex; flex-wrap: wrap; gap: .4rem; padding: 0; margin: 0; }
        .tags li { border: 1px solid var(--line); border-radius: 99px; padding: .1rem .7rem;
          font-size: .85rem; color: var(--quiet); }
        .bar { display: flex; flex-wrap: wrap; gap: .6rem; justify-content: space-between;
          align-items: center; }
        .bar h2 { margin: 0; }
        .switch { display: flex; gap: .4rem; }
        .switch button { padding: .3rem .8rem; font-size: .9rem; }
        .switch button[aria-pressed="true"] { background: var(--accent); color: var(--on-accent); }
        #account { margin: .9rem 0 0; }
        figure { margin: .5rem 0 0; min-height: 15rem; }
        svg { width: 100%; height: auto; display: block; overflow: visible; }
        svg .column { fill: var(--bar); } svg .column.most { fill: var(--bar-last); }
        svg .column:hover { opacity: .8; }
        svg text { fill: var(--quiet); font: 12px system-ui, sans-serif; }
        svg line { stroke: var(--line); }
        dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(8rem, 1fr)); gap: .8rem;
          margin: 1rem 0 0; }
        dt { color: var(--quiet); font-size: .85rem; } dd { margin: 0; font-size: 1.35rem;
          font-weight: 650; font-variant-numeric: tabular-nums; }
        dl .most dd { color: var(--bar-last); }
        .small { font-size: .9rem; } code { font-size: .95em; }

        """

    static let script = #"""
        "use strict";
        const query = `query Use($resolution: Resolution, $last: Int) {
          billingAccountsConnection(first: 1, onlyActive: true) {
            edges { node { accountNumber street city
              use: reads(resolution: $resolution, last: $last) {
                label measuredAmount { value unit } cost { value unit } } } }
          }
        }`;
        const chart = document.getElementById("chart"), account = document.getElementById("account");
        const sums = document.getElementById("sums");
        const svg = (name, attributes, text) => {
          const node = document.createElementNS("http://www.w3.org/2000/svg", name);
          for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
          if (text !== undefined) node.textContent = text;
          return node;
        };
        function draw(reads) {
          const width = Math.max(320, chart.clientWidth), height = 260, left = 44, bottom = 26, top = 22;
          const most = Math.max(...reads.map(r => r.measuredAmount.value));
          const power = 10 ** Math.floor(Math.log10(most));
          const ceiling = [1, 1.5, 2, 2.5, 3, 4, 5, 7.5, 10].map(f => f * power).find(v => v >= most);
          const y = value => top + (height - top - bottom) * (1 - value / ceiling);
          const root = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img",
            "aria-label": "Electricity use in kilowatt-hours" });
          for (const part of [0, 0.5, 1]) {
            root.append(svg("line", { x1: left, x2: width, y1: y(ceiling * part), y2: y(ceiling * part) }));
            root.append(svg("text", { x: left - 8, y: y(ceiling * part) + 4, "text-anchor": "end" },
              String(Math.round(ceiling * part * 10) / 10)));
          }
          root.append(svg("text", { x: 0, y: 4 }, "kWh"));
          const step = (width - left) / reads.length;
          const every = Math.ceil(reads.length / Math.max(1, Math.floor((width - left) / 46)));
          reads.forEach((read, index) => {
            const value = read.measuredAmount.value, x = left + index * step;
            const column = svg("rect", { class: "column" + (value === most ? " most" : ""),
              x: x + step * 0.14, width: step * 0.72, y: y(value), rx: 3,
              height: Math.max(1, height - bottom - y(value)) });
            column.append(svg("title", {}, `${read.label}: ${value} kWh, $${read.cost.value.toFixed(2)}`));
            root.append(column);
            if (index % every === 0) {
              root.append(svg("text", { x: x + step / 2, y: height - 8, "text-anchor": "middle" },
                read.label.split(" ")[reads.length > 12 ? 1 : 0]));
            }
          });
          chart.replaceChildren(root);
        }
        function tell(term, value) {
          const dt = document.createElement("dt"), dd = document.createElement("dd");
          const box = document.createElement("div");
          dt.textContent = term; dd.textContent = value; box.append(dt, dd); sums.append(box);
          return box;
        }
        async function load(resolution, last) {
          const answer = await fetch("/graphql", { method: "POST",
            headers: { "Content-Type": "application/json", "Accept": "application/graphql-response+json, application/json;q=0.9" },
            body: JSON.stringify({ query, variables: { resolution, last } }) });
          const result = await answer.json();
          if (result.errors) {
            const login = result.errors[0].extensions && result.errors[0].extensions.login_url;
            if (answer.status === 401 && login) { location.assign(login); return; }
            account.textContent = "The API answered: " + result.errors[0].message;
            return;
          }
          const edge = result.data.billingAccountsConnection.edges[0];
          if (!edge) { account.textContent = "There is no active account."; return; }
          account.textContent = `Account ${edge.node.accountNumber} · ${edge.node.street}, ${edge.node.city}`;
          draw(edge.node.use);
          sums.replaceChildren();
          const total = edge.node.use.reduce((sum, r) => sum + r.measuredAmount.value, 0);
          const cost = edge.node.use.reduce((sum, r) => sum + r.cost.value, 0);
          tell("Together", Math.round(total).toLocaleString("en") + " kWh");
          tell("Cost", "$" + cost.toFixed(2));
          const most = edge.node.use.reduce((a, b) => b.measuredAmount.value > a.measuredAmount.value ? b : a);
          tell("Most", most.label).className = "most";
          tell(resolution === "DAY" ? "A day" : "A month", (total / edge.node.use.length).toFixed(1) + " kWh");
        }
        let shown = ["MONTH", 12];
        for (const button of document.querySelectorAll("[data-resolution]")) {
          button.addEventListener("click", () => {
            document.querySelectorAll("[data-resolution]").forEach(other =>
              other.setAttribute("aria-pressed", String(other === button)));
            shown = [button.dataset.resolution, Number(button.dataset.last)];
            load(...shown);
          });
        }
        load(...shown);
        """#
}
