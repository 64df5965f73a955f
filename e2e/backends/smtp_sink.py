"""A mail server that delivers nothing: each letter becomes a line of JSON on standard output.

usage: smtp_sink.py PORT [--tls CERT KEY] [--user USER PASSWORD]

With --tls it offers STARTTLS and takes nothing without it. A recipient at refused.example is
refused for good, one at later.example for now.
"""
import asyncio
import email
import email.policy
import json
import ssl
import sys

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult


class Sink:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.endswith("@refused.example"):
            return "550 5.1.1 no such mailbox"
        if address.endswith("@later.example"):
            return "451 4.7.1 try again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        m = email.message_from_bytes(envelope.content, policy=email.policy.default)
        parts = {p.get_content_type(): p.get_content() for p in m.walk() if not p.is_multipart()}
        print(json.dumps({
            "from": envelope.mail_from, "to": envelope.rcpt_tos, "tls": session.ssl is not None,
            "user": session.auth_data, "headers": [[k, str(v)] for k, v in m.items()],
            "text": parts.get("text/plain", ""), "html": parts.get("text/html", ""),
        }), flush=True)
        return "250 OK"


def main(args):
    port, options = int(args[0]), {}
    if "--tls" in args:
        at = args.index("--tls")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(args[at + 1], args[at + 2])
        options.update(tls_context=context, require_starttls=True)
    if "--user" in args:
        at = args.index("--user")
        user, password = args[at + 1], args[at + 2]

        def check(server, session, envelope, mechanism, data):
            good = data.login.decode() == user and data.password.decode() == password
            return AuthResult(success=good, auth_data=user if good else None, handled=False)

        options.update(authenticator=check, auth_required=True, auth_require_tls="--tls" in args)
    Controller(Sink(), hostname="127.0.0.1", port=port, **options).start()
    print(json.dumps({"ready": port}), flush=True)
    asyncio.new_event_loop().run_forever()


main(sys.argv[1:])
