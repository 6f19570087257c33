"""Channels: what each puts on the wire, checked by receivers that speak the other side."""

from __future__ import annotations

import hashlib
import hmac
import socket
import ssl
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, cast

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from spanledger.exceptions import ConfigurationError, DeliveryFailedError, DeliveryRefusedError
from spanledger_api.alerts.channels import AppriseChannel, EmailChannel, Notice, SlackChannel, WebhookChannel
from spanledger_api.messages import Locale
from tests.api.alerts.conftest import an_alert
from tests.api.alerts.receiver import Answer, Receiver, always

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from aiosmtpd.smtp import Envelope, Session

NOTICE = Notice(an_alert(), Locale.ENGLISH)


def test_a_webhook_can_be_verified(receiver: Receiver) -> None:
    """Whoever knows the secret can tell that body and time are ours; the facts are there, and both languages."""
    WebhookChannel("hook", f"{receiver.url}/in?x=1", "s3cret").send(NOTICE)

    [request] = receiver.received
    signed = request.headers["Spanledger-Timestamp"].encode() + b"." + request.body
    expected = "v1=" + hmac.new(b"s3cret", signed, hashlib.sha256).hexdigest()
    assert request.headers["Spanledger-Signature"] == expected
    assert request.path == "/in?x=1"
    assert request.key == str(NOTICE.alert.alert_id)
    document = cast("dict[str, dict[str, object]]", request.document)
    assert document["alert"]["value"] == 1.5
    assert document["alert"]["execution_id"] == "execution-1"
    assert document["alert"]["occurred_at"] == "2026-03-14T12:00:00Z"
    assert set(document["messages"]) == {"en", "zh-TW"}


def test_a_webhook_without_a_secret_is_not_signed(receiver: Receiver) -> None:
    """No key, no signature that would only look like one."""
    WebhookChannel("hook", receiver.url, None).send(NOTICE)

    assert "Spanledger-Signature" not in receiver.received[0].headers


def test_slack_gets_blocks_and_a_text(receiver: Receiver) -> None:
    """Names that users chose cannot become links or mentions."""
    alert = an_alert(words={**an_alert().words, "user_id": "<!channel> & <http://x|y>"}, user_id="<!here>")
    SlackChannel("slack", receiver.url).send(Notice(alert, Locale.TRADITIONAL_CHINESE))

    [request] = receiver.received
    document = request.document
    assert "高成本操作" in str(document["text"])
    assert "<!" not in request.body.decode()
    blocks = cast("list[dict[str, Any]]", document["blocks"])
    assert [block["type"] for block in blocks] == ["section", "section", "context"]
    assert len(blocks[1]["fields"]) <= 10
    assert "警告" in blocks[0]["text"]["text"]


def test_a_receiver_that_never_answers_is_left(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the timeout it counts as a failure that may pass, and the address is in no message."""
    monkeypatch.setattr("spanledger_api.alerts.channels.http_post._ANSWER_SECONDS", 0.2)
    channel = SlackChannel("slack", f"{receiver.url}/services/T0/secret")
    receiver.answer = always(Answer(0))

    with pytest.raises(DeliveryFailedError) as failure:
        channel.send(NOTICE)

    assert "secret" not in str(failure.value)


def test_nobody_there_is_a_failure_that_may_pass() -> None:
    """A refused connection is tried again."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

    with pytest.raises(DeliveryFailedError, match="did not answer"):
        WebhookChannel("hook", f"http://127.0.0.1:{port}", None).send(NOTICE)


class Mailbox:
    """What a mail server was handed; it answers RCPT and DATA as it is told to."""

    def __init__(self) -> None:
        self.mails: list[bytes] = []
        self.users: list[str] = []
        self.data_answer = "250 taken"
        self.recipient_answer = "250 ok"

    async def handle_RCPT(  # noqa: N802 - the name that the server calls
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take a recipient."""
        del server, session, options
        if self.recipient_answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.recipient_answer

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Take a mail."""
        del server, session
        if self.data_answer.startswith("250"):
            self.mails.append(cast("bytes", envelope.content))
        return self.data_answer

    def authenticate(self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:  # noqa: ANN401 - the server's own form
        """Let one user in."""
        del server, session, envelope, mechanism
        self.users.append(data.login.decode())
        return AuthResult(success=data.password == b"pass/word", handled=False)


@pytest.fixture
def mailbox() -> Mailbox:
    """What the mail server was handed."""
    return Mailbox()


@pytest.fixture
def mail_server(mailbox: Mailbox) -> Iterator[str]:
    """Address of a mail server on loopback."""
    controller = Controller(
        mailbox, hostname="127.0.0.1", port=0, authenticator=mailbox.authenticate, auth_require_tls=False
    )
    with socket.create_server(("127.0.0.1", 0)) as free:
        controller.port = free.getsockname()[1]
    controller.start()
    yield f"127.0.0.1:{controller.port}"
    controller.stop()


def test_a_mail_says_it_all(mailbox: Mailbox, mail_server: str) -> None:
    """It goes to everybody, after a login, with the key that makes a repeat known."""
    recipients = ["a@example.com", "b@example.com"]
    channel = EmailChannel("email", f"smtp://us%40er:pass%2Fword@{mail_server}", "ledger@example.com", recipients)
    channel.send(Notice(an_alert(), Locale.TRADITIONAL_CHINESE))

    [content] = mailbox.mails
    mail = message_from_bytes(content, policy=policy.default)
    assert mailbox.users == ["us@er"]
    assert mail["To"] == "a@example.com, b@example.com"
    assert mail["Message-ID"] == f"<{NOTICE.key}@spanledger>"
    assert mail["Subject"] == "Spanledger 警告：Expensive operation"  # noqa: RUF001 - Chinese punctuation
    text = mail.get_content()
    assert "高成本操作: gpt-4_video_title" in text
    assert "execution_id: execution-1" in text
    assert "value: 1.5" in text


@pytest.mark.parametrize(
    ("step", "answer", "expected"),
    [
        ("data_answer", "451 later", DeliveryFailedError),
        ("data_answer", "554 no", DeliveryRefusedError),
        ("recipient_answer", "450 greylisted", DeliveryFailedError),
        ("recipient_answer", "550 unknown", DeliveryRefusedError),
    ],
)
def test_a_mail_server_decides_whether_to_come_back(
    mailbox: Mailbox, mail_server: str, step: str, answer: str, expected: type[Exception]
) -> None:
    """A code of 400 to 499 asks to come back, one above does not."""
    setattr(mailbox, step, answer)

    with pytest.raises(expected, match=answer[:3]):
        EmailChannel("email", f"smtp://{mail_server}", "l@example.com", ["a@example.com"]).send(NOTICE)


def test_a_wrong_password_is_final(mail_server: str) -> None:
    """Repeating it would lock the account."""
    channel = EmailChannel("email", f"smtp://user:wrong@{mail_server}", "l@example.com", ["a@example.com"])

    with pytest.raises(DeliveryRefusedError, match="535"):
        channel.send(NOTICE)


def test_a_mail_server_that_is_away_is_a_failure_that_may_pass() -> None:
    """Nothing listens on the port."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

    with pytest.raises(DeliveryFailedError):
        EmailChannel("email", f"smtp://127.0.0.1:{port}", "l@example.com", ["a@example.com"]).send(NOTICE)


def _certificate(path: Path) -> ssl.SSLContext:
    """A context with a certificate for this machine that vouches for itself, which is written to the path."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "loopback")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    path.with_suffix(".key").write_bytes(key.private_bytes(serialization.Encoding.PEM, *private))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path, path.with_suffix(".key"))
    return context


def test_tls_is_begun_where_it_is_offered(mailbox: Mailbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The login and the mail travel inside TLS, and a certificate that nobody vouches for ends it."""
    served = _certificate(tmp_path / "loopback.pem")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(
        mailbox, hostname="127.0.0.1", port=port, tls_context=served, authenticator=mailbox.authenticate
    )
    controller.start()
    url = f"smtp://user:pass%2Fword@127.0.0.1:{port}"
    try:
        with pytest.raises(DeliveryFailedError):
            EmailChannel("email", url, "l@example.com", ["a@example.com"]).send(NOTICE)
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "loopback.pem"))
        EmailChannel("email", url, "l@example.com", ["a@example.com"]).send(NOTICE)
    finally:
        controller.stop()
    assert (len(mailbox.mails), mailbox.users) == (1, ["user"])


@pytest.mark.parametrize("url", ["", "http://mail", "smtp://", "smtp://host:no", "smtp://host:0"])
def test_a_mail_server_needs_an_address(url: str) -> None:
    """What is no address of SMTP is refused when it is set up, not when the first alert comes."""
    with pytest.raises(ConfigurationError, match="smtp://"):
        EmailChannel("email", url, "l@example.com", ["a@example.com"])


@pytest.mark.parametrize("url", ["hooks.slack.com/x", "file:///etc/passwd", "http:///path", "http://a\nb"])
def test_a_webhook_needs_an_address(url: str) -> None:
    """What is no address of HTTP is refused when it is set up, without showing it."""
    with pytest.raises(ConfigurationError) as refused:
        SlackChannel("slack", url)
    assert url not in str(refused.value)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the library's own imports
def test_other_services_are_reached_by_apprise(receiver: Receiver) -> None:
    """A service that the library knows gets the message; one that fails is tried again, an unknown one refused."""
    address = receiver.url.removeprefix("http://")
    AppriseChannel("other", f"json://{address}/x").send(NOTICE)
    document = receiver.received[0].document
    assert str(NOTICE.alert.alert_id) in str(document["message"])
    assert "Expensive operation" in str(document["title"])

    receiver.answer = always(Answer(500))
    with pytest.raises(DeliveryFailedError):
        AppriseChannel("other", f"json://{address}/x").send(NOTICE)
    with pytest.raises(ConfigurationError, match="does not know"):
        AppriseChannel("other", "nothing://at-all")
