"""A mail server for tests: aiosmtpd, which prints what it gets, one JSON object a
line, and says so when it listens. Addresses make it refuse: busy@ twice, never@
always."""
import argparse, asyncio, json, ssl, sys
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, SMTP

parser = argparse.ArgumentParser()
parser.add_argument("--cert")
parser.add_argument("--key")
parser.add_argument("--tls", choices=["none", "starttls", "tls"])
parser.add_argument("--user")
parser.add_argument("--password")
args = parser.parse_args()
busy = {}


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("never@"):
            return "550 5.1.1 no such mailbox"
        if address.startswith("busy@"):
            busy[address] = busy.get(address, 0) + 1
            if busy[address] <= 2:
                return "451 4.7.1 try again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        print(json.dumps({
            "from": envelope.mail_from, "to": envelope.rcpt_tos, "tls": args.tls == "tls" or session.ssl is not None,
            "login": session.authenticated, "raw": envelope.content.decode("utf-8", "replace"),
        }), flush=True)
        return "250 OK"


def authenticate(server, session, envelope, mechanism, data):
    good = getattr(data, "login", b"").decode() == args.user and getattr(data, "password", b"").decode() == args.password
    return AuthResult(success=good)


context = None
if args.cert:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(args.cert, args.key)

settings = {"authenticator": authenticate, "auth_required": True} if args.user else {}
if args.tls == "starttls":
    settings.update(tls_context=context, require_starttls=True)
elif args.tls == "tls":
    settings.update(auth_require_tls=False)
loop = asyncio.new_event_loop()
server = loop.run_until_complete(loop.create_server(
    lambda: SMTP(Handler(), loop=loop, hostname="mail.example.org", **settings), "127.0.0.1", 0,
    ssl=context if args.tls == "tls" else None))
print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
loop.run_forever()
