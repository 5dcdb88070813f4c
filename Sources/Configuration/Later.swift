// What is declared and not there yet. When a feature arrives, its line here becomes `.now`.
//
// Each text ends the sentence "is not available in this version: it will …".

enum Later {
    static let redirectToHTTPS = Availability.now
    static let h2c = Availability.now
    static let passParameters = Availability.now
    static let upstreamH2C = Availability.now
}
