"""Messages by e-mail, where a mail server is set: handed over beside the answer."""

import logging
import smtplib
import ssl
import threading
from email.message import EmailMessage
from typing import Any

from flask_security import EmailValidateException, MailUtil

from cases.people import normal_email
from layers.config import MailServer
from webmap.connections import current_settings

TIMEOUT = 20
_log = logging.getLogger(__name__)


class Mail(MailUtil):
    """Reads addresses as the accounts store them; an intranet's need no public domain."""

    def normalize(self, email: str) -> str:
        """Return the address as it is stored."""
        try:
            return normal_email(email)
        except ValueError as error:
            raise EmailValidateException(str(error)) from error

    def validate(self, email: str) -> str:
        """Return the address as it is stored."""
        return self.normalize(email)

    def send_mail(
        self,
        template: str,
        subject: str,
        recipient: str | tuple[str, str],
        sender: str | tuple[str, str],
        body: str | None,
        html: str | None,
        **kwargs: Any,
    ) -> None:
        """Hand a message over in a thread, so that no answer tells by its delay who exists."""
        server = current_settings().mail_server
        if server is None:
            raise LookupError("no mail server is set")
        message = EmailMessage()
        message["Subject"] = str(subject)  # It is translated only now.
        message["From"], message["To"] = server.sender, str(recipient)
        message.set_content(body or "")
        threading.Thread(target=_deliver, args=(server, message), name="mail").start()


def _deliver(server: MailServer, message: EmailMessage) -> None:
    try:
        hand_over(server, message)
    except (OSError, smtplib.SMTPException) as error:
        _log.error("a message was not taken by %s: %s", server.host, error)


def hand_over(server: MailServer, message: EmailMessage) -> None:
    """Give a message to the mail server; raises ``OSError`` or ``SMTPException``."""
    context = ssl.create_default_context()
    with _connect(server, context) as connection:
        connection.ehlo()
        if not server.tls and (server.user or connection.has_extn("starttls")):
            connection.starttls(context=context)
            connection.ehlo()
        if server.user:
            connection.login(server.user, server.password)
        connection.send_message(message)


def _connect(server: MailServer, context: ssl.SSLContext) -> smtplib.SMTP:
    if server.tls:
        return smtplib.SMTP_SSL(server.host, server.port, timeout=TIMEOUT, context=context)
    return smtplib.SMTP(server.host, server.port, timeout=TIMEOUT)
