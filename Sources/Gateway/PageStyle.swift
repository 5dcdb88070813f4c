// How our own pages look: one style sheet, inline and allowed by its hash, nothing from elsewhere.
//
// Calm, readable on a phone, light and dark as the visitor's system is. A page carries no script,
// no image and no font, so its policy can forbid all of them (CSP Level 3).

internal import Cryptography
internal import Values

enum PageStyle {
    static let sheet = """
        :root{color-scheme:light dark;--paper:#f6f5f2;--card:#fff;--ink:#1f2328;--soft:#5c636b;\
        --line:#e3e1dc;--accent:#1f5f8b;--on-accent:#fff}
        @media (prefers-color-scheme:dark){:root{--paper:#14171a;--card:#1c2024;--ink:#e8eaed;\
        --soft:#a3abb3;--line:#2e343a;--accent:#7ab8e0;--on-accent:#10202b}}
        *{box-sizing:border-box}
        html{-webkit-text-size-adjust:100%}
        body{margin:0;min-height:100vh;min-height:100dvh;display:flex;flex-direction:column;\
        align-items:center;justify-content:center;padding:1.5rem;background:var(--paper);\
        color:var(--ink);font:1rem/1.6 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
        main{width:100%;max-width:30rem;padding:2.25rem 2rem;background:var(--card);\
        border:1px solid var(--line);border-radius:1rem;box-shadow:0 1px 2px rgb(0 0 0/.04),\
        0 12px 32px rgb(0 0 0/.06)}
        .mark{width:2.25rem;height:2.25rem;color:var(--accent);display:block;margin:0 0 1.25rem}
        h1{margin:0 0 .5rem;font-size:1.375rem;line-height:1.3;font-weight:650;\
        letter-spacing:-.01em;overflow-wrap:anywhere}
        p{margin:0 0 1rem;color:var(--soft);overflow-wrap:anywhere}
        .acts{display:flex;flex-wrap:wrap;gap:.75rem;margin:1.5rem 0 0;padding:0;list-style:none}
        .acts form{margin:0}
        .act{display:inline-block;padding:.6rem 1.15rem;border:1px solid var(--accent);\
        border-radius:.6rem;background:var(--accent);color:var(--on-accent);font:inherit;\
        font-weight:600;text-decoration:none;cursor:pointer}
        .act.quiet{background:transparent;color:var(--accent)}
        .act:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
        .act:hover{filter:brightness(1.08)}
        footer{margin:1.75rem 0 0;padding:1rem 0 0;border-top:1px solid var(--line);\
        color:var(--soft);font-size:.8125rem}
        code{font:.8125rem/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;\
        overflow-wrap:anywhere}
        @media (max-width:24rem){main{padding:1.75rem 1.25rem}.act{width:100%;text-align:center}\
        .acts li{width:100%}}

        """

    /// The two posts and the leaf of a gate, slightly open.
    static let mark = """
        <svg class="mark" viewBox="0 0 36 36" fill="none" stroke="currentColor" stroke-width="2.5" \
        stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">\
        <path d="M6 31V13a12 12 0 0 1 24 0v18M3 31h30M12 31V13l10 4v14"/></svg>
        """

    /// `'sha256-…'` of the sheet's octets as they stand between the tags.
    static let source =
        "'sha256-\(Base64.encode(SHA256.digest(Array(sheet.utf8).span).span))'"
}
