// What a request has to wait for, as facts copied out of it.
//
// Gateway says what is to be done and for whom; `Flows` does it. A flow answers the request, or
// gives back what it found, and the request is decided again. Nothing here refers to the
// connection's octets, so a flow may outlive its client.

package import HTTP
package import Sessions
package import Values

package enum Work: Sendable {
    /// Take a person to the provider.
    case beginLogin(LoginIntent)
    /// The browser came back from the provider.
    case completeLogin(CallbackIntent)
    /// End the browser's sessions here, and one at the provider.
    case logout(LogoutIntent)
    /// Renew a session's access token.
    case refresh(RefreshIntent)
    /// The provider posted a logout token.
    case backchannelLogout(BackchannelLogoutIntent)
    /// The provider had a browser open our logout in a frame.
    case frontchannelLogout(FrontchannelLogoutIntent)
    /// Ask the store for a session that a cookie names.
    case fetchSession(FetchIntent)

    package var asked: Asked {
        switch self {
        case .beginLogin(let intent): intent.asked
        case .completeLogin(let intent): intent.asked
        case .logout(let intent): intent.asked
        case .refresh(let intent): intent.asked
        case .backchannelLogout(let intent): intent.asked
        case .frontchannelLogout(let intent): intent.asked
        case .fetchSession(let intent): intent.asked
        }
    }
}

/// What every flow may need of the request it serves.
package struct Asked: Sendable {
    package var requestID: String
    /// The host asked for, lower case, without port: one half of what a session is bound to.
    package var host: String
    /// external_url's scheme and port with the host asked for: redirect URIs and links begin so.
    package var origin: Origin
    /// Who asked, for the log.
    package var client: IPAddress?
    package var asker: Asker
    /// Whether a GraphQL API was asked, so that errors take its shape.
    package var isGraphQL: Bool
    /// Whether a GraphQL client wants plain JSON and not GraphQL's own media type.
    package var wantsPlainJSON: Bool
    /// The login cookies that came along, in order, finished ones too.
    package var loginCookies: [BroughtCookie]
    /// The names of all session cookies and pieces that came along, of every provider.
    package var sessionCookieNames: [String]

    package init(
        requestID: String, host: String, origin: Origin, client: IPAddress? = nil,
        asker: Asker = .person, isGraphQL: Bool = false, wantsPlainJSON: Bool = false,
        loginCookies: [BroughtCookie] = [], sessionCookieNames: [String] = []
    ) {
        self.requestID = requestID
        self.host = host
        self.origin = origin
        self.client = client
        self.asker = asker
        self.isGraphQL = isGraphQL
        self.wantsPlainJSON = wantsPlainJSON
        self.loginCookies = loginCookies
        self.sessionCookieNames = sessionCookieNames
    }
}

/// A cookie as the browser sent it.
package struct BroughtCookie: Sendable, Equatable {
    package var name: String
    package var value: [UInt8]

    package init(name: String, value: [UInt8]) {
        self.name = name
        self.value = value
    }
}

/// What a route asks of the login that leads to it.
package struct LoginRequirements: Sendable, Equatable {
    package var scopes: [String] = []
    package var acrValues: [String] = []
    package var maxAge: Duration?
    package var prompt: String?
    /// What a session that steps up has been granted before: asked for again, and not insisted on.
    package var scopesKept: [String] = []

    package init() {}
}

package struct LoginIntent: Sendable {
    package enum Reason: Sendable, Equatable {
        /// There is no session, or one that is too weak for the route.
        case noSession
        /// The link /.auth/login was followed, by somebody with a live session or without.
        case link(isSignedIn: Bool)
        /// The session's access token has ended and nothing can renew it. A flow sends one session
        /// through the provider at most once a minute for this, and otherwise lets it go on.
        case tokenEnded(Session)
    }
    package var asked: Asked
    /// An index into `Configuration.providers`.
    package var provider: Int
    /// A path of ours, checked.
    package var returnTo: String
    package var reason: Reason
    package var requirements: LoginRequirements
    /// What the link set of the provider's `pass_parameters`, and `login_hint` of a third party.
    package var parameters: [(name: String, value: String)]
    package var redirectURI: String
    /// Whether the page it leads to sends the access token.
    package var isForToken: Bool

    package init(
        asked: Asked, provider: Int, returnTo: String, reason: Reason,
        requirements:
            LoginRequirements, parameters: [(name: String, value: String)], redirectURI: String,
        isForToken: Bool = false
    ) {
        self.isForToken = isForToken
        self.asked = asked
        self.provider = provider
        self.returnTo = returnTo
        self.reason = reason
        self.requirements = requirements
        self.parameters = parameters
        self.redirectURI = redirectURI
    }
}

package struct CallbackIntent: Sendable {
    /// How an authorization response came.
    package enum Arrival: Sendable, Equatable {
        case query
        /// A provider's page posted it; cookies that are Lax stayed away.
        case form
        /// Our own page posted it, once more or for the first time.
        case ownForm
    }
    package var asked: Asked
    package var provider: Int
    /// The authorization response as it came: the query, or the form's content.
    package var response: [UInt8]
    package var arrival: Arrival
    package var redirectURI: String
    /// The live session this browser already has with the provider, if any.
    package var session: Session?
    /// The page that leads here once more, where a strict cookie may have stayed away.
    package var hop: Answer?

    package init(
        asked: Asked, provider: Int, response: [UInt8], arrival: Arrival = .query,
        redirectURI: String, session: Session?, hop: Answer? = nil
    ) {
        self.hop = hop
        self.asked = asked
        self.provider = provider
        self.response = response
        self.arrival = arrival
        self.redirectURI = redirectURI
        self.session = session
    }
}

package struct LogoutIntent: Sendable {
    package var asked: Asked
    /// The provider whose end-session endpoint is visited.
    package var provider: Int
    /// Every live session of this browser here, with its provider.
    package var sessions: [(provider: Int, session: Session)]
    /// Where the provider sends the browser afterwards: the post_logout_redirect_uri.
    package var signedOutURI: String

    package init(
        asked: Asked, provider: Int, sessions: [(provider: Int, session: Session)],
        signedOutURI: String
    ) {
        self.asked = asked
        self.provider = provider
        self.sessions = sessions
        self.signedOutURI = signedOutURI
    }
}

package struct RefreshIntent: Sendable {
    package var asked: Asked
    package var provider: Int
    package var session: Session
    /// Whether the request has to wait: its access token has already ended.
    package var hasEnded: Bool

    package init(
        asked: Asked, provider: Int, session: Session, hasEnded: Bool
    ) {
        self.asked = asked
        self.provider = provider
        self.session = session
        self.hasEnded = hasEnded
    }
}

package struct BackchannelLogoutIntent: Sendable {
    package var asked: Asked
    /// The logout token, as it came.
    package var token: String

    package init(asked: Asked, token: String) {
        self.asked = asked
        self.token = token
    }
}

package struct FrontchannelLogoutIntent: Sendable {
    package var asked: Asked
    /// Those of the issuer that was named, as indices into `Configuration.providers`.
    package var providers: [Int]
    package var sessionID: String
    /// The live sessions this browser brought that are meant; mostly none, for a frame in another
    /// site's page brings no cookies.
    package var sessions: [(provider: Int, session: Session)]

    package init(
        asked: Asked, providers: [Int], sessionID: String,
        sessions: [(provider: Int, session: Session)]
    ) {
        self.asked = asked
        self.providers = providers
        self.sessionID = sessionID
        self.sessions = sessions
    }
}
