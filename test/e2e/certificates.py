# SPDX-License-Identifier: Apache-2.0
"""Certificates for the cases that need them, made by openssl."""
import subprocess

import harness


def openssl(*args):
    done = subprocess.run(["openssl", *map(str, args)], capture_output=True, text=True, check=False)
    harness.check(done.returncode == 0, f"openssl {args[0]}: {done.stderr}")


class Authority:
    """An authority with a certificate of its own; makes others."""

    def __init__(self, directory, name="ca"):
        self.directory = directory
        directory.mkdir(exist_ok=True)
        directory.chmod(0o755)  # rsyslogd reads from here
        self.cert, self.key = directory / f"{name}.pem", directory / f"{name}.key"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
                "-subj", f"/CN=dlog test {name}", "-keyout", self.key, "-out", self.cert)

    def issue(self, name, names="DNS:localhost,IP:127.0.0.1", days=30):
        """(certificate, key) for these alternative names. `days` below 0: one that has expired."""
        cert, key, request, extensions = (self.directory / f"{name}.{end}" for end in ("pem", "key", "csr", "ext"))
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
                "-keyout", key, "-out", request)
        extensions.write_text(f"subjectAltName={names}\nextendedKeyUsage=serverAuth,clientAuth\n")
        openssl("x509", "-req", "-in", request, "-CA", self.cert, "-CAkey", self.key, "-CAcreateserial", "-days", days,
                "-extfile", extensions, "-out", cert)
        return cert, key


def server_flags(authority, pair):
    """For dlogd."""
    return ("--tls-cert", pair[0], "--tls-key", pair[1], "--tls-client-ca", authority.cert)


def client_flags(authority, pair):
    """For dlogctl."""
    return ("--ca", authority.cert, "--cert", pair[0], "--key", pair[1])
