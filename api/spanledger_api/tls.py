"""The certificate that the servers present, taken anew whenever its files change."""

from __future__ import annotations

import logging
import ssl
import threading
from typing import TYPE_CHECKING

import grpc

from spanledger.exceptions import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Certificate", "certificate_from_files"]

_log = logging.getLogger(__name__)


class Certificate:
    """A certificate with its key, read again at the first connection after either file changed.

    Where the changed files cannot be used, the old ones stay in use and the log says why.

    Args:
        certificate: PEM file with the certificate and those that vouch for it.
        key: PEM file with its key.

    Raises:
        ConfigurationError: The files cannot be read or do not belong together.
    """

    def __init__(self, certificate: Path, key: Path) -> None:
        self._certificate = certificate
        self._key = key
        self._lock = threading.Lock()
        try:
            self._seen = self._state()
            self._context = self._loaded()
            self._accepting = self._loaded()
            self._last_files = self._grpc_files()
        except (OSError, ssl.SSLError) as error:
            message = f"The certificate {certificate} with the key {key} cannot be used: {error}"
            raise ConfigurationError(message) from error
        self._accepting.sni_callback = self._choose

    def context(self) -> ssl.SSLContext:
        """What a server of asyncio takes; connections use what is current when they begin."""
        return self._accepting

    def grpc_credentials(self) -> grpc.ServerCredentials:
        """What a server of gRPC takes; connections use what is current when they begin."""
        return grpc.dynamic_ssl_server_credentials(self._last_files, self._current_grpc_files)

    def _choose(self, connection: ssl.SSLObject | ssl.SSLSocket, name: str | None, accepting: ssl.SSLContext) -> None:
        """Called at the beginning of every handshake, whether the client names a server or not."""
        del name, accepting
        with self._lock:
            if self._state_or_seen() != self._seen:
                try:
                    self._context = self._loaded()
                    self._seen = self._state()
                except (OSError, ssl.SSLError):
                    _log.exception("The changed certificate %s cannot be used; the old one stays", self._certificate)
            connection.context = self._context

    def _current_grpc_files(self) -> grpc.ServerCertificateConfiguration:
        try:
            self._loaded()
            self._last_files = self._grpc_files()
        except (OSError, ssl.SSLError):
            _log.exception("The changed certificate %s cannot be used; the old one stays", self._certificate)
        return self._last_files

    def _grpc_files(self) -> grpc.ServerCertificateConfiguration:
        pair = (self._key.read_bytes(), self._certificate.read_bytes())
        return grpc.ssl_server_certificate_configuration([pair])

    def _loaded(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(self._certificate, self._key)
        return context

    def _state(self) -> tuple[tuple[int, int], ...]:
        found = (path.stat() for path in (self._certificate, self._key))
        return tuple((each.st_mtime_ns, each.st_size) for each in found)

    def _state_or_seen(self) -> tuple[tuple[int, int], ...]:
        try:
            return self._state()
        except OSError:  # between two files of a renewal
            return self._seen


def certificate_from_files(certificate: Path | None, key: Path | None) -> Certificate | None:
    """The certificate in two files; None where neither is given, and the servers speak without TLS.

    Raises:
        ConfigurationError: Only one of them is given, or they cannot be used.
    """
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        message = "TLS takes both files: --tls-cert and --tls-key."
        raise ConfigurationError(message)
    return Certificate(certificate, key)
