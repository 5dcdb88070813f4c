// Encrypted tokens that another implementation made (python-cryptography), and RFC 7518 appendix C.

import Cryptography
import JSON
import Testing

@testable import OpenID

@Suite struct `An encrypted token, RFC 7516 section 5 2` {
    static let inner = "e30.e30.c2lnbmF0dXJl"
    static let rsaPEM = """
        -----BEGIN PRIVATE KEY-----
        MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQDPYggTWzNUNVZQ
        yom2YLcw/lZGCdWT5b9u167AX7uHv3Lwn2WakEdobyyPAACqrHWovHj+Tp9RjMII
        pAyNT0zp226KMC4CYPdMHdJIb1c5m2oTCPtkgPi/ABROYcQrrU0BkOlli7kZth7M
        ro8VB9TMVM1Bj8D0WzM7S9VUqA9rk3NGLlSetY/tsow4MpBSSZxtFS14BJ7VQlT5
        DeNnWK12HJ1aKAcDYxG94JC9Tbg+egxALK/G/o9cx1Fo6/R0iV6Ne5OHSZ+8GTQM
        7+59MVE7cIkLl9JDFcbIkgGETytdlzfkLDyqVbgAVBp8EJtcX5UR9doWQfMMJ5Qc
        5aIloPC/AgMBAAECggEAAwOZO3LJYbFuwjjXXIu2TeN8bIMrE/20VQ+Ubh5WEuiA
        6qdeaisrpoRrIN7uo4xjH2Mx3PxWi3Bgx5Be0FT1OLbkOeTuXkF7hqMuUbgwi9lK
        5uDsCm9nbhs5sFPybnIT2vB4u+2WcJ25f98PnE4jVR7sZsYIl2SV74gwHw1cQAN7
        YRb3jvFqTJJQxkuR+47XVu4pI344CYcx2gzATBbFg1/ISTJgD2Q+hLHR2v6I89Px
        sb4uXRvW5P+cd3ail1CXK43k6yiRm3VpXLPcNxz/CNJ7nITfBDAsLG+6q9323OCK
        Zq76UhI63+hxeb9q32DfLnuBhWZuOIb+Qa9OszywWQKBgQD8ksi6RDm+gC1sO3QQ
        8t9xoiOx3aXYu2UoAaLH5zt9spj9kGf+5XGlZk/CuTonglkG3rom77DLZn5INFSr
        KxVxH33TDMcTApkL9uN5rn5ccXyPqWaMtXzlQWSUTgcmFg0Nyl+w5dRAOgo0ouuX
        KB50+EgUYpkHpUX795FfIoqSSQKBgQDSMkvC9htED2vEk7K7Re3j5lt+HW6fd3d6
        18+IZNDUWBAC9+9D+uvwDdUxPZ80LoRTAP5mF55k/ycuRm/DUgErEpfljd1SQrNn
        nmNKNw7VqSirkz8878fRX20YY+9meys3E2GTag1gFgbfNk0HwMDoXtXzr6QvAglL
        oknPkJ9qxwKBgDBvlb7ixpAZ1Jwk6qU1blREW8QIVX2ysjtx1N2xIl+AmIZH4ymm
        ppypejJFgzmAbcI7hEdjP+xBw4XlQzdwE7SV7XNDyAmFPgRlXEpBhEoGGXUTb28c
        fs8YM0mdjRFouSgj3yX1bTbD6qEdfUCHmQ+lbW07W010DG+9kktEPH7BAoGAIVLj
        +/a0f+fJ+BJKZbJCcr0UiDv2S8XO5WTNfBwvl1qWv0G7ZxWizh4DTJkuYkF1rQsd
        SeY4sF5bQdTc5yRbFw8NkdEZ4267rpPHvf5YlbsJvZnMjsac8S6lxxYg4Chqw4KJ
        F6vajv8u+7hKIg6HBs/yL34LE4DJJHqIJSYSgAUCgYEA191K0A8Wizmvv2BsZjHr
        l8yA56kLMMwwrWVVBZqf8GOFI7d9H/ViFiOa/M07tSXeG9resgVcX4mJ4evzy7Ci
        nsh3XwFVRFJ1lf1oINT3sn5AJAUohjav0rK8WuQRr4Vx1IifCGGREReZaan6K7zK
        ks8tczNYMYlQyVTMyDzj0xg=
        -----END PRIVATE KEY-----
        """
    static let p256PEM = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgVEmDZpDXXK8p8N0C
        ndsxs924q6nS1RXFASRl6BfUqdyhRANCAATB40nLYexwJIzoAQNMODThuI6+EWHL
        Ja84dB94X8/ExHvJZwjvgJUrU/jSVV/nK4Qe0EWIYosdN4pZSTlQDsnJ
        -----END PRIVATE KEY-----
        """
    static let tokens: [(name: String, pem: String, text: String)] = [
        (
            "RSA-OAEP-256 A128CBC-HS256", rsaPEM,
            "eyJhbGciOiJSU0EtT0FFUC0yNTYiLCJlbmMiOiJBMTI4Q0JDLUhTMjU2IiwiY3R5IjoiSldUIn0."
                + "k0EvizVgt1RP4izbzusgyd1IaYJKIonjM3CoGxhAE1ycO8sMCmV6zFt92edj3jTHI7fHHSUl5EtQ"
                + "cKVRyJNoSP8AdsM2fn412dyFti-"
                + "24DF0zvUxr5JCX52jbKzWiQSnB36Eu1TCoU3sPooUx8dUJyxg5VK9F4acs20nFN1BWgppYz-OSRE"
                + "uM0dzMSBYZkGb7WPQbevhArcp0oiifwe4yESnl1nFFK04HBamfIHH3QpZPlN12j_ElVeAluRY8H3"
                + "jN7WyuG1rrGaKOZOudJplSsjhla-aUKFl0gAY9KIN8fafuP-2qT0GUYkP1L4ByUgz5-"
                + "6VoBeX7JwHC9sbpq_3Qw.hMeADqWptZlPydk3kNdx-"
                + "g.lO3tzAGHvT2cwRNLr7vm9WZ6mjjmgL05ea-kZMzTm_M.wcYrDAMF_9-3MW_59x1OKA"
        ),
        (
            "RSA-OAEP-256 A128GCM", rsaPEM,
            "eyJhbGciOiJSU0EtT0FFUC0yNTYiLCJlbmMiOiJBMTI4R0NNIiwiY3R5IjoiSldUIn0.jaC5WpWI"
                + "CVC2pM8BNrrZRIJYAIGETUapTeBzuuD-dHFBzBYgQOKf7lymp3is66-"
                + "MzlDJB_FsniQRKBgOnniTN_1_T1h6Tw8MPeBaqjhiCt8QnAtoGruhzewwb-"
                + "lSpup9ost459neb267qqTYdarnPWHH-zortwvoGCTg0Efla2KL2_VUyw6vhl1PI9mTZn8-GxQqA-"
                + "MyjvkFbRS9n2wZAmD5F4vtsAEb-7Ng6_DQ2t_NsWwFT-fAGrubnjV_J8r42P33vdQGzFChLg78q1"
                + "4pHSvhkkT57WwQOObahyTTzJuU6Ke1wXmMF2avDVE28Dfpln5p7J05zUd6BoHXK7GW1Q.cfHCvDX"
                + "ltl4zsgl3.OZRSqs_AUhpO0n4O8bBPGejvkrE.VJPQXayQi56chOwh_wMASQ"
        ),
        (
            "RSA-OAEP-256 A256GCM", rsaPEM,
            "eyJhbGciOiJSU0EtT0FFUC0yNTYiLCJlbmMiOiJBMjU2R0NNIiwiY3R5IjoiSldUIn0.rhexQXyU"
                + "Z7ElkXlqHqwI6x0dkaO_NU4QelA7iF6yveAEZlBX14EofXxqtl_0DScQSsqwgRN9BShuj6RI1-"
                + "SOx9HJygLrjfc9mmn8gvMxTgNt1sUS3t1KAR-"
                + "61QPdNL6Zq3eUq7OJY9Erbm1BEdZxnUO0mpIaMZQ-iSUh-"
                + "u3vZRMh7AkUMzANNNdKLthFt3ZgrfFbi3ry4ZjXUOoMrWSY35mnF9SFIOGRTsYNZixFErstFGXW9"
                + "pOn3f5mJooOiT-yCZG8isG7MtogXAM1ZW1KpLlx4myzmPcd1ttChIApp-h2LKjU2l_B-"
                + "n8ytV1dHr7q1lgrYz6bGR9O14JQHL4lyg.pw4V5vDPtyf67Qi2.chsSHhmS2UkoDpWxIxqIBKm0N"
                + "cY.XAWUyVRuk3RToDMV6b63wg"
        ),
        (
            "RSA-OAEP A128CBC-HS256", rsaPEM,
            "eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkExMjhDQkMtSFMyNTYiLCJjdHkiOiJKV1QifQ.XmI0B"
                + "By7rqdbQYwVH7SpP7lBoVbJUe7Np63t_FS6MHiQt7Uth5LnsAsLC27U7pMzcUSqkbA84oOMpH_cc"
                + "zvU4_kjl0-"
                + "Qhm1flJBiUKUSjUMQBBCnkH4RzofL6YyyfCuM7w4PTFjW3BvHOsBwzPKXWgUlBU0H5YA8pVzmGwp"
                + "14GkcI5IEbiKWJ-LEieBWylwXm-dg6VY-VnBgFN98Zw6SYJockHYWcCcLW-wzJ-"
                + "a74T7AkaZ2aX10DsLH2JxBBbEpmMNxMSxHK2IWyGuciCOPbPvX3J4J5IQMVUf9xgCtKO6VAHEHsS"
                + "chwCaptkAtkmWIRwkNHx9rKpzsuFmEV8UC7A.eiPbGDleuM77YYISmeBcAA.mFjdGorIAXC-"
                + "jPMWNSb67p5HaetnSw1d6XqPZHwkQiM.wtwJR-tZESuHaBf5uvEJzg"
        ),
        (
            "RSA-OAEP A128GCM", rsaPEM,
            "eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkExMjhHQ00iLCJjdHkiOiJKV1QifQ.JKtRPtXHEqRoe"
                + "2O5YWGNx_JVKowdurQ9bqRG4u4rCIyJcRSTIl9jB3OWwOPganuziLeyZaYQTzf03clNz8XD_eRgQ"
                + "ROCThziE7xUVm2jTvxVDAjyr9dQDsbAk-"
                + "eAcASJ_9AjRP5rd6ybTNUn93Nzg19EpUzupHDS4tUJG6qAE65qN0iB57Wp-_wJF-"
                + "K19YEzMr7OmaI4XycFrLlQAiLZX0lsF99BsaWMYcwq5EThpefYsP-703c7d3epEG-"
                + "6XX2k_CehvmcGHvjDs-44d2gQxYKZLf5-"
                + "u_fOW5gnPVtcXFGL8nS8M6VYZXQ4gNWeTMkCzueeCkzs5vv3VtHmxXeyPw.5xAn_2bhCgEj30hd."
                + "ZX9Sj-6W7fAZfX_NyMjEQ5NOxUo.nk2OCyu_GBRky1wcb92LSA"
        ),
        (
            "RSA-OAEP A256GCM", rsaPEM,
            "eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00iLCJjdHkiOiJKV1QifQ.tIaFfUk8Zzv_D"
                + "bj2Y-CfOQukFR9yBVR4hWn5i6Q4DhQrJdcHvWYAGB-"
                + "dYxrLbBAALCZoF13og41LRsizefun5sHmvakKn6ZTEpn4xg5y0zv9jQxPSbqIjE-kJUzDKhFxLE8"
                + "xfHaf97y7-iL_3TQ0QHNFfGWY6cpY1qyw5UpXAWgMZaybZv1-1BtB90iwZ9QyyCEE1Vk60TugE-"
                + "L5Av_CpHZIZHvQaEDyd17eD6OBtJnlSf20KAUTUyx1YWjU9obb5Aa_hV4ZIz_ocN2sA0tqGmJDKf"
                + "w9yos8yHF5fbjSrgvy1VHgwjA6snGATF0YnuICnpPWsP1pzhR78f_FtE8JSw.k4cyEQR0_LPZmkY"
                + "d.EuAbSIPIsYuIN6xblt69JGHrLc0.J7sIxDaP0iyp-giLLzvQmA"
        ),
        (
            "ECDH-ES A128CBC-HS256", p256PEM,
            "eyJhbGciOiJFQ0RILUVTIiwiZW5jIjoiQTEyOENCQy1IUzI1NiIsImN0eSI6IkpXVCIsImVwayI6"
                + "eyJrdHkiOiJFQyIsImNydiI6IlAtMjU2IiwieCI6IlIySVpZQ3FaUHN5VW5EM2JQZmxQNnQ4Smdz"
                + "cmZtOVJZdkstUzI5TExVLWMiLCJ5IjoiX080NkdjSlNXN21rcjNld3hra0JLbWFfSUQ5cEJfM0VI"
                + "aGgtNy15cmlOMCJ9fQ..yDiOpy3-"
                + "4cx6F_Bg1UrFrw.gGRbVReBIlX1Kh9ybVVSfmUmguTh6th_MZo2wr1cvVM.Lh-"
                + "3ApbbzVyelpOPkhEQuA"
        ),
        (
            "ECDH-ES A128GCM", p256PEM,
            "eyJhbGciOiJFQ0RILUVTIiwiZW5jIjoiQTEyOEdDTSIsImN0eSI6IkpXVCIsImVwayI6eyJrdHki"
                + "OiJFQyIsImNydiI6IlAtMjU2IiwieCI6IjdBc3RDU19zWVZYNTB2Vl9DSzVmNDVJNjFYLTh2NmhI"
                + "T3A4Rmo1OVRyRWciLCJ5Ijoia0pXSndpaWxaTGRGZWVJRWJyMjBWSjBGZEhQZVo4OHNIWXFzUkpR"
                + "LWl4dyJ9fQ..g_3Mw0FI2RH2Uj2p.pHrXeLgyba6C7lx7jFaJxsfSPtI.GfJN9fz_suDx3f9Xwx1"
                + "OJQ"
        ),
        (
            "ECDH-ES A256GCM", p256PEM,
            "eyJhbGciOiJFQ0RILUVTIiwiZW5jIjoiQTI1NkdDTSIsImN0eSI6IkpXVCIsImVwayI6eyJrdHki"
                + "OiJFQyIsImNydiI6IlAtMjU2IiwieCI6InVlUDd5bm9nN2JRRVFNWDVLMGo4SVBocGJkLVhlMlZ4"
                + "ck1sbzlCb1F2cXMiLCJ5IjoiUVkteDdkRkRlOE9KdVhMTmNIbG9hM0Jick9ocGdQX1pDb0t3NGh4"
                + "dWZ3dyJ9fQ..ueuWVg_Z8CoJB4W1.uJYmzTJYHTjS8Fqe_TjcdkfCiGo.o6F5AYeJUj5_NseF50D"
                + "GKw"
        ),
    ]

    @Test(arguments: tokens.indices) func `opens with the key it was encrypted to`(_ index: Int)
        throws
    {
        let (_, pem, text) = Self.tokens[index]
        let key = try PrivateKey(pem: octets(pem).span)
        #expect(CompactJWE.isOne(text))
        #expect(try CompactJWE.open(text, with: key) == Self.inner)
    }

    @Test(arguments: tokens.indices) func `opens with no other key, and with no octet changed`(
        _ index: Int
    ) throws {
        let (_, pem, text) = Self.tokens[index]
        let key = try PrivateKey(pem: octets(pem).span)
        for other in [Signer.rsa.key, Signer.p256.key, Signer.ed25519.key] {
            #expect(throws: JOSEFault.undecryptable) { try CompactJWE.open(text, with: other) }
        }
        let parts = text.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        for part in parts.indices where !parts[part].isEmpty {
            var changed = parts
            let characters = Array(parts[part])
            let middle = characters.count / 2
            let other: Character = characters[middle] == "A" ? "B" : "A"
            changed[part] = String(
                characters[..<middle] + [other] + characters[(middle + 1)...])
            #expect(throws: JOSEFault.self) {
                try CompactJWE.open(changed.joined(separator: "."), with: key)
            }
        }
    }

    @Test(arguments: [
        (#"{"alg":"RSA1_5","enc":"A128GCM"}"#, JOSEFault.encryptionRefused("RSA1_5")),
        (#"{"alg":"dir","enc":"A128GCM"}"#, .encryptionRefused("dir")),
        (
            #"{"alg":"PBES2-HS256+A128KW","enc":"A128GCM","p2c":100000000}"#,
            .encryptionRefused("PBES2-HS256+A128KW")
        ),
        (#"{"alg":"RSA-OAEP","enc":"A192CBC-HS384"}"#, .encryptionRefused("A192CBC-HS384")),
        (#"{"alg":"RSA-OAEP","enc":"A128GCM","zip":"DEF"}"#, .extensionCritical),
        (#"{"alg":"RSA-OAEP","enc":"A128GCM","crit":[]}"#, .extensionCritical),
        (#"{"alg":"RSA-OAEP"}"#, .headerUnreadable),
        (#"{"alg":"ECDH-ES","enc":"A128GCM"}"#, .headerUnreadable),
        (
            #"{"alg":"ECDH-ES","enc":"A128GCM","epk":{"kty":"EC","crv":"P-256","x":"AAAA","y":"AAAA"}}"#,
            .undecryptable
        ),
        ("[]", .headerUnreadable),
    ]) func `is refused by its header`(_ header: String, _ fault: JOSEFault) throws {
        let token = base64URL(octets(header)) + ".." + "AAAA.AAAA.AAAA"
        #expect(throws: fault) { try CompactJWE.open(token, with: Signer.rsa.key) }
    }

    @Test func `holds a token that is judged like any other`() throws {
        let keys = keySet([Signer.rsa.jwk(["kid": "k1"])])
        var expected = expectation()
        let text = Self.tokens[0].text
        #expect(throws: IDTokenFault.jose(.segments(5))) {
            try IDToken.verify(text, keys: keys, expecting: expected, at: noon)
        }
        expected.decryptionKey = try PrivateKey(pem: octets(Self.rsaPEM).span)
        #expect(throws: IDTokenFault.jose(.headerUnreadable)) {
            try IDToken.verify(text, keys: keys, expecting: expected, at: noon)
        }
    }
}
