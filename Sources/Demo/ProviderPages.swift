// What a visitor sees at the demonstration provider.

enum ProviderPages {
    static func signIn(ticket: String, failed: Bool) -> String {
        let complaint =
            failed
            ? "<p class=\"bad\" role=\"alert\">That user name and password do not go together.</p>"
            : "<p class=\"quiet\">Two people live here: <b>alice</b> and <b>bob</b>. "
                + "The password is the name.</p>"
        return DemoStyle.page(
            title: "Sign in",
            body: """
                <main class="narrow">
                <div class="card">
                <h1>Sign in</h1>
                \(complaint)
                <form method="post" action="/ui/v1/signin">
                <input type="hidden" name="ticket" value="\(ticket.escapedForHTML)">
                <label for="username">User name</label>
                <input id="username" name="username" autocomplete="username" autocapitalize="none"
                  spellcheck="false" required autofocus>
                <label for="password">Password</label>
                <input id="password" name="password" type="password"
                  autocomplete="current-password" required>
                <div class="row">
                <button name="action" value="allow">Sign in</button>
                <button class="plain" name="action" value="deny" formnovalidate>Do not sign in</button>
                </div>
                </form>
                </div>
                <p class="quiet">This is the demonstration provider. It stands where your own
                identity domain would, on its own address.</p>
                </main>
                """)
    }

    static func message(_ title: String, _ text: String) -> String {
        DemoStyle.page(
            title: title,
            body: """
                <main class="narrow"><div class="card">
                <h1>\(title.escapedForHTML)</h1><p>\(text.escapedForHTML)</p>
                </div></main>
                """)
    }

    static let about = message(
        "The demonstration provider", "People come here to sign in, and go back to the site.")
}
