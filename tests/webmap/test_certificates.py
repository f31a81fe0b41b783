"""Certificates of an intranet: made, limited, renewed, and served with."""

import datetime as dt
import socket
import ssl
import subprocess
import urllib.error
import urllib.request
from contextlib import ExitStack
from pathlib import Path

import pytest
from cryptography import x509

from gis.problems import InputError
from layers.config import Settings
from tests.webmap.test_serve import COMMONGREEN, free_port, serving
from webmap import certificates
from webmap.certificates import Tls, check_tls, make_certificates


def codes(error: pytest.ExceptionInfo[InputError]) -> list[str]:
    return [problem.code for problem in error.value.problems]


def verified(folder: Path, *extra: str) -> bool:
    """Let OpenSSL judge the server's certificate under its authority."""
    told = subprocess.run(
        [
            *("openssl", "verify", "-x509_strict", "-purpose", "sslserver", *extra),
            *("-CAfile", str(folder / "authority.crt"), str(folder / "server.crt")),
        ],
        capture_output=True,
        text=True,
    )
    return told.returncode == 0


def test_https_is_served_to_whoever_trusts_the_authority(
    committed: Settings, tmp_path: Path
) -> None:
    made = make_certificates(tmp_path, ["127.0.0.1", "localhost"])
    port = free_port()
    options = ("--tls-cert", str(made.tls.certificate), "--tls-key", str(made.tls.key))
    trusting = ssl.create_default_context(cafile=made.authority)
    address = f"https://127.0.0.1:{port}"
    with serving(committed, tmp_path, port, *options, trusted=made.authority):
        with urllib.request.urlopen(f"{address}/login", timeout=10, context=trusting) as page:
            assert "Strict-Transport-Security" in page.headers
            assert "; Secure" in page.headers["Set-Cookie"]
        with pytest.raises(urllib.error.URLError, match="CERTIFICATE_VERIFY_FAILED"):
            urllib.request.urlopen(f"{address}/live", timeout=10)


def test_encrypted_connections_that_ask_for_nothing_keep_nobody_out(
    committed: Settings, tmp_path: Path
) -> None:
    made = make_certificates(tmp_path, ["127.0.0.1"])
    port = free_port()
    options = ("--tls-cert", str(made.tls.certificate), "--tls-key", str(made.tls.key))
    trusting = ssl.create_default_context(cafile=made.authority)
    few = ("--workers", "1", "--silence", "1")
    with (
        serving(committed, tmp_path, port, *options, *few, trusted=made.authority),
        ExitStack() as opened,
    ):
        # As browsers open them ahead of need; one more says half a word, and no handshake comes.
        for _ in range(4):
            plain = socket.create_connection(("127.0.0.1", port), timeout=20)
            opened.enter_context(trusting.wrap_socket(plain, server_hostname="127.0.0.1"))
        half = opened.enter_context(socket.create_connection(("127.0.0.1", port), timeout=20))
        half.sendall(b"\x16")
        address = f"https://127.0.0.1:{port}/live"
        with urllib.request.urlopen(address, timeout=20, context=trusting) as answer:
            assert answer.status == 200
        assert half.recv(100) == b""


def test_the_authority_speaks_for_its_own_hosts_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_certificates(tmp_path, ["green.lan"])
    assert verified(tmp_path, "-verify_hostname", "green.lan")
    with pytest.raises(InputError) as refused:
        make_certificates(tmp_path, ["bank.example", "10.0.0.1", "m.green.lan"])
    assert codes(refused) == ["host_outside", "host_outside"]
    # And were its key stolen, no client would believe what it signs for others.
    monkeypatch.setattr(certificates, "_is_permitted", lambda *_: True)
    for stranger in ("bank.example", "10.0.0.1", "2001:db8::1"):
        make_certificates(tmp_path, [stranger])
        assert not verified(tmp_path)


def test_an_authority_of_addresses_knows_no_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_certificates(tmp_path, ["192.168.1.20"])
    assert verified(tmp_path, "-verify_ip", "192.168.1.20")
    monkeypatch.setattr(certificates, "_is_permitted", lambda *_: True)
    for stranger in ("green.lan", "192.168.1.21"):
        make_certificates(tmp_path, [stranger])
        assert not verified(tmp_path)


def test_renewing_keeps_the_authority_and_the_keys_are_the_owners_alone(tmp_path: Path) -> None:
    first = make_certificates(tmp_path, ["green.lan"])
    authority, server = first.authority.read_bytes(), first.tls.certificate.read_bytes()
    again = make_certificates(tmp_path, ["green.lan"])
    assert (first.is_new_authority, again.is_new_authority) == (True, False)
    assert again.authority.read_bytes() == authority
    assert again.tls.certificate.read_bytes() != server
    assert {path.stat().st_mode & 0o777 for path in tmp_path.glob("*.key")} == {0o600}
    lives = x509.load_pem_x509_certificate(again.tls.certificate.read_bytes())
    assert (lives.not_valid_after_utc - lives.not_valid_before_utc).days <= 398


def test_wrong_hosts_are_named_all_at_once_and_nothing_is_written(tmp_path: Path) -> None:
    folder = tmp_path / "tls"
    with pytest.raises(InputError) as refused:
        make_certificates(folder, ["http://green.lan", "-x.lan", "1.2.3", "ok.lan"])
    assert codes(refused) == ["host", "host", "host"]
    assert not folder.exists()


def test_what_no_server_could_use_is_refused_by_option(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = make_certificates(tmp_path / "one", ["green.lan"]).tls
    other = make_certificates(tmp_path / "other", ["green.lan"]).tls
    check_tls(one)
    nothing = tmp_path / "nothing"
    for tls, code in (
        (Tls(one.certificate, other.key), "tls_key"),
        (Tls(one.certificate, nothing), "tls_key"),
        (Tls(nothing, one.key), "tls_certificate"),
        (Tls(one.key, one.key), "tls_certificate"),
    ):
        with pytest.raises(InputError) as refused:
            check_tls(tls)
        assert codes(refused) == [code]
    monkeypatch.setattr(certificates, "SERVER_DAYS", 0)
    ended = make_certificates(tmp_path / "one", ["green.lan"])
    assert ended.until < dt.date.today() + dt.timedelta(days=1)
    with pytest.raises(InputError) as refused:
        check_tls(ended.tls)
    assert codes(refused) == ["tls_ended"]


def test_the_command_says_what_to_do_next_and_half_a_pair_is_refused(tmp_path: Path) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([COMMONGREEN, *arguments], capture_output=True, text=True, timeout=60)

    made = run("certificate", str(tmp_path), "--host", "green.lan", "--host", "192.168.1.20")
    assert made.returncode == 0
    assert "green.lan, 192.168.1.20" in made.stdout
    assert f"--tls-cert {tmp_path}/server.crt --tls-key {tmp_path}/server.key" in made.stdout
    half = run("serve", "--tls-key", str(tmp_path / "server.key"))
    assert half.returncode == 2
    assert "both or neither" in half.stderr
