// The two tables of "Answers" in the contract to users, and nothing else: facts in, a ruling out.
//
// Each is a switch over every combination, without `default`, so that a new case is a question the
// compiler asks. What an answer looks like is `Refusal`'s; how the facts are found is `Asker`'s and
// `SiteRelation`'s.

internal import Configuration
internal import HTTP
internal import Values

/// What a route does with a request, as far as its session goes.
enum AccessRuling: Equatable {
    case forward
    /// 303 to the provider, or first a page to choose one from.
    case login
    /// 401, as a page that opens at the top, a GraphQL error or a problem.
    case unauthorized
    /// 503 without a cookie: nobody may ever look at the answer.
    case prefetchRefused
}

/// The first table: without a session where one is needed.
func access(_ access: RouteAccess, isSignedIn: Bool, _ asker: Asker) -> AccessRuling {
    switch (access, isSignedIn, asker) {
    case (.public, _, _), (.optional, _, _), (.signedIn, true, _): .forward
    case (.signedIn, false, .person): .login
    case (.signedIn, false, .prefetch): .prefetchRefused
    case (.signedIn, false, .preflight), (.signedIn, false, .webSocket),
        (.signedIn, false, .frame), (.signedIn, false, .graphQL), (.signedIn, false, .program):
        .unauthorized
    }
}

/// What a route that sends a token does, given what the session has.
enum TokenState: Equatable {
    /// There is one, and its end is not near.
    case fresh
    /// It ends soon, and there is a refresh token.
    case ending
    /// It has ended, and there is a refresh token.
    case endedRenewable
    /// It has ended for good, or there never was one.
    case missing
}

enum TokenRuling: Equatable {
    case forward
    /// Refresh, then decide again.
    case refresh
    /// Through the provider, which a flow allows once a minute for a session.
    case login
    /// 401: nothing here can renew the token.
    case unauthorized
    /// 503: the provider could not be asked.
    case unavailable
}

/// - Parameters:
///   - wasTried: whether a flow has already looked after this request's token.
///   - mayNavigate: whether the asker is a person who navigates by GET.
func token(_ state: TokenState, wasTried: Bool, mayNavigate: Bool) -> TokenRuling {
    switch (state, wasTried, mayNavigate) {
    case (.fresh, _, _), (.ending, true, _): .forward
    case (.ending, false, _), (.endedRenewable, false, _): .refresh
    case (.endedRenewable, true, _): .unavailable
    case (.missing, false, true): .login
    case (.missing, true, _), (.missing, false, false): .unauthorized
    }
}

/// Where a call comes from, as the browser says.
enum SiteRelation: Equatable {
    case same
    /// Another origin of the same site.
    case sibling
    case cross
    /// Neither `Sec-Fetch-Site` nor `Origin`: a program, or a browser of long ago.
    case unknown
}

/// What a call with a session could do, as far as forgery matters.
enum CallKind: Equatable {
    case webSocket
    /// The POST of /.auth/logout.
    case logout
    /// A top-level navigating GET without `query` on a GraphQL route.
    case graphQLNavigation
    case graphQLGet
    case graphQLWithJSON
    case graphQLWithoutJSON
    case unsafe
    case safe
}

enum SiteRuling: Equatable {
    case pass
    case refuse
    /// Only with the token of our own form.
    case needsFormToken
}

/// The second table's first rows: whose calls pass.
func crossSite(_ kind: CallKind, _ relation: SiteRelation) -> SiteRuling {
    switch (kind, relation) {
    case (_, .same), (.safe, _), (.graphQLNavigation, _): .pass
    // A handshake's relation is told by `Origin` alone, so a sibling's is foreign.
    case (.webSocket, .unknown): .pass
    case (.webSocket, .sibling), (.webSocket, .cross): .refuse
    case (.logout, .unknown): .needsFormToken
    case (.logout, .sibling), (.logout, .cross): .refuse
    case (.graphQLGet, .unknown), (.graphQLWithJSON, .unknown): .pass
    case (.graphQLWithoutJSON, .unknown): .refuse
    case (.graphQLGet, .sibling), (.graphQLGet, .cross): .refuse
    case (.graphQLWithJSON, .sibling), (.graphQLWithJSON, .cross): .refuse
    case (.graphQLWithoutJSON, .sibling), (.graphQLWithoutJSON, .cross): .refuse
    case (.unsafe, .cross): .refuse
    case (.unsafe, .sibling), (.unsafe, .unknown): .pass
    }
}

extension CallKind {
    static func of(
        _ request: borrowing Request, _ method: Method, _ asker: Asker, isGraphQL: Bool,
        hasQuery: Bool
    ) -> CallKind {
        if asker == .webSocket { return .webSocket }
        guard isGraphQL else { return method.isSafe ? .safe : .unsafe }
        if method == .get, !hasQuery, Asker.isNavigation(request) {
            return .graphQLNavigation
        }
        if method == .get || method == .head || method == .options { return .graphQLGet }
        return request.sendsJSON ? .graphQLWithJSON : .graphQLWithoutJSON
    }
}

extension SiteRelation {
    /// `Sec-Fetch-Site` decides; where it is absent, any Origin but ours, `null` included, is
    /// cross-site. A field sent twice, or with a value of its own, is nothing a browser does.
    static func of(_ request: borrowing Request, ourOrigin: Span<UInt8>) -> SiteRelation {
        guard request.has(.secFetchSite) else { return ofOrigin(request, ourOrigin: ourOrigin) }
        if request.says(.secFetchSite, "same-origin") || request.says(.secFetchSite, "none") {
            return .same
        }
        return request.says(.secFetchSite, "same-site") ? .sibling : .cross
    }

    /// By `Origin` alone, as for a WebSocket.
    static func ofOrigin(_ request: borrowing Request, ourOrigin: Span<UInt8>) -> SiteRelation {
        guard request.has(.origin) else { return .unknown }
        guard let range = request.range(of: .origin) else { return .cross }
        return OctetText.equals(request.octets.extracting(range), ourOrigin) ? .same : .cross
    }
}
