"""A scanner from outside objects to nothing but the authority, which is the test's own."""

import json
import subprocess
import sys

import pytest

from authority import Authority
from handshakes import over_tls


SCANS = (
    "--certinfo --sslv2 --sslv3 --tlsv1 --tlsv1_1 --tlsv1_2 --tlsv1_3 --elliptic_curves --robot --reneg --resum "
    "--early_data --ems --fallback --heartbleed --openssl_ccs --compression"
).split()


@pytest.mark.parametrize("profile", ["intermediate", "modern"])
def test_a_scanner_objects_to_nothing_but_the_authority(run, provider, upstream, tmp_path, profile):
    authority = Authority(tmp_path / "authority")
    pairs = [authority.issue("ec", "localhost")]
    if profile == "intermediate":
        pairs.append(authority.issue("rsa", "localhost", kind="rsa"))
    gateway = run(over_tls(provider, upstream, pairs, tls={"profile": profile}, hsts="730d"))
    found = tmp_path / "found.json"
    command = [sys.executable, "-m", "sslyze", "--mozilla_config", profile, "--json_out", found, *SCANS]
    done = subprocess.run([*command, f"localhost:{gateway.port}"], capture_output=True, text=True, timeout=120)
    said = done.stdout + done.stderr
    lines = [line.strip() for line in said.partition("COMPLIANCE AGAINST")[2].splitlines()]
    objections = [line for line in lines if line.startswith("* ")]
    # That the authority is not among the public ones is what a test cannot help; and the scanner knows P-256 by
    # one name and its rules by another.
    excused = ("certificate_path_validation", "Certificate curve is secp256r1, should be", "TLS curves {'secp256r1'}")
    assert [o for o in objections if not any(e in o for e in excused)] == [], said
    server = json.loads(found.read_text())["server_scan_results"][0]
    assert server["scan_status"] == "COMPLETED", said
    results = {name: attempt.get("result") for name, attempt in server["scan_result"].items()}
    accepted = {
        version: [s["cipher_suite"]["name"] for s in results[f"{version}_cipher_suites"]["accepted_cipher_suites"]]
        for version in ("ssl_2_0", "ssl_3_0", "tls_1_0", "tls_1_1", "tls_1_2", "tls_1_3")
    }
    for version in ("ssl_2_0", "ssl_3_0", "tls_1_0", "tls_1_1"):
        assert not accepted[version], version
    assert len(accepted["tls_1_3"]) == 3
    assert bool(accepted["tls_1_2"]) == (profile == "intermediate")
    assert all("ECDHE" in suite and ("GCM" in suite or "CHACHA20" in suite) for suite in accepted["tls_1_2"])
    assert not results["heartbleed"]["is_vulnerable_to_heartbleed"]
    assert not results["openssl_ccs_injection"]["is_vulnerable_to_ccs_injection"]
    assert results["robot"]["robot_result"].startswith("NOT_VULNERABLE")
    assert not results["session_renegotiation"]["is_vulnerable_to_client_renegotiation_dos"]
    assert not results["tls_compression"]["supports_compression"]
    assert not results["tls_1_3_early_data"]["supports_early_data"]
    if profile == "intermediate":
        assert results["session_renegotiation"]["supports_secure_renegotiation"]
        assert results["tls_fallback_scsv"]["supports_fallback_scsv"]
        assert results["tls_extended_master_secret"]["supports_ems_extension"]
        assert results["session_resumption"]["tls_ticket_resumption_result"] == "FULLY_SUPPORTED"
    # It has tried much that is no handshake of ours, and the gateway still serves.
    assert gateway.process.is_alive
