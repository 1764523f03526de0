"""A certificate for localhost that signs itself."""

import subprocess

from servers import tool


def make_certificate(folder):
    """The files of the certificate, which everybody may read, and of its key (P-256)."""
    certificate, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        [tool("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
         "-keyout", str(key), "-out", str(certificate)],
        check=True, capture_output=True)
    certificate.chmod(0o644)
    return certificate, key
