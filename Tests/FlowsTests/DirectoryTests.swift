import Gateway
import HTTP
import JSON
import OpenID
import Testing
import Values

@testable import Flows

@Suite struct `What is known of a provider` {
    private static let discovery = "/.well-known/openid-configuration"

    private func known(_ house: House) async -> Bool {
        do throws(DirectoryFailure) {
            let metadata = try await house.flows.directory.metadata(
                of: house.settings, in: house.environment)
            _ = try await house.flows.directory.keys(
                of: house.settings, metadata, in: house.environment)
            return true
        } catch { return false }
    }

    @Test func `is read once by however many ask, and kept for an hour`() async throws {
        let house = try House()
        let gate = house.provider.hold(Self.discovery)
        let answers = await withTaskGroup(of: Bool.self) { group in
            for _ in 1...100 { group.addTask { await known(house) } }
            await gate.arrival()
            gate.open()
            return await group.reduce(into: Set()) { $0.insert($1) }
        }
        #expect(answers == [true])
        house.pass(3599)
        #expect(await known(house))
        await house.settle()
        #expect((house.provider.count(Self.discovery), house.provider.count("/keys")) == (1, 1))
        house.pass(1)
        #expect(await known(house))
        #expect(house.provider.count(Self.discovery) == 1, "nobody waits for the second reading")
        await house.settle()
        #expect((house.provider.count(Self.discovery), house.provider.count("/keys")) == (2, 2))
    }

    @Test func `is served stale while the provider is down, and asked for once a minute`()
        async throws
    {
        let house = try House()
        #expect(await known(house))
        house.provider.fail(Self.discovery, .unreachable("x"))
        house.pass(3600)
        for _ in 1...120 {
            #expect(await known(house))
            await house.settle()
            house.pass(1)
        }
        #expect(house.provider.count(Self.discovery) == 3)
        #expect(house.flows.directory.degraded([house.settings]).isEmpty)
    }

    @Test func `is read again after the clock was set back`() async throws {
        let house = try House()
        #expect(await known(house))
        house.pass(-100_000)
        #expect(await known(house))
        await house.settle()
        #expect(house.provider.count(Self.discovery) == 2)
    }

    @Test func `is asked for once a second while there is nothing`() async throws {
        let house = try House()
        house.provider.fail(Self.discovery, .unreachable("x"))
        for second in 1...3 {
            for _ in 1...10 { #expect(await known(house) == false) }
            #expect(house.provider.count(Self.discovery) == second)
            house.pass(1)
        }
        #expect(
            house.flows.directory.degraded([house.settings]).map(\.why) == [
                "it could not be reached: x"
            ])
        house.provider.answer(Self.discovery, .json(200, ScriptedProvider.discovery()))
        #expect(await known(house))
    }

    @Test func `is read ahead of the first visitor`() async throws {
        let house = try House()
        await house.flows.directory.prepare([house.settings], in: house.environment)
        #expect((house.provider.count(Self.discovery), house.provider.count("/keys")) == (1, 1))
        await house.flows.directory.prepare([], in: house.environment)
        #expect(
            house.flows.directory.degraded([house.settings]).map(\.why) == ["not read yet"],
            "a provider of an earlier configuration is forgotten")
    }

    @Test func `a key set without a usable key is a failure`() async throws {
        let house = try House()
        house.provider.answer("/keys", .json(200, ["keys": []]))
        #expect(await known(house) == false)
    }

    // MARK: Oracle's domains

    private static let domain = House.site.replacing(
        "  issuer: https://login.example.com\n",
        by: "  issuer: https://login.example.com\n  preset: idcs\n")

    private func lockedHouse() throws -> House {
        let house = try House(Self.domain)
        house.provider.answer(
            Self.discovery,
            .json(
                200, ScriptedProvider.discovery(["issuer": "https://identity.oraclecloud.com/"])))
        house.provider.answer("/keys") { request in
            request.field("Authorization") == "Bearer own-token"
                ? .success(.json(200, Signer.current.keySet)) : .success(.text(401, ""))
        }
        return house
    }

    @Test func `a key set that strangers may not see is read with a token of our own`() async throws
    {
        let house = try lockedHouse()
        house.provider.answer("/token", tokens(idToken: nil, access: "own-token", refresh: nil))
        #expect(await known(house))
        let form = try #require(house.provider.requests(to: "/token").first).form
        #expect(form.first("grant_type") == "client_credentials")
        #expect(form.first("scope") == "urn:opc:idm:__myscopes__")
        var browser = Browser()
        #expect(try await house.signIn(&browser).word == "303 /reports")
    }

    @Test(arguments: [(503, true), (400, false)])
    func `a domain that gives no token is a failure, which may pass or not`(
        _ status: Int, _ isTransient: Bool
    ) async throws {
        let house = try lockedHouse()
        house.provider.answer("/token", .text(status, ""))
        do throws(DirectoryFailure) {
            let metadata = try await house.flows.directory.metadata(
                of: house.settings, in: house.environment)
            _ = try await house.flows.directory.keys(
                of: house.settings, metadata, in: house.environment)
            Issue.record("there are no keys to know")
        } catch { #expect(error.isTransient == isTransient) }
    }

    @Test func `another provider's key set is not asked for with credentials`() async throws {
        let house = try House()
        house.provider.answer("/keys", .text(401, ""))
        #expect(await known(house) == false)
        #expect(house.provider.count("/token") == 0)
    }
}
