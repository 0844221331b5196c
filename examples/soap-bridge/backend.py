#!/usr/bin/env python3
"""A stock exchange that speaks SOAP 1.1 and nothing else: three stocks and an order book, in memory.

It knows nothing of JSON; the gateway in front of it does. It needs Python 3 and nothing else, listens
on 127.0.0.1 only, and forgets everything when it ends.
"""

import argparse
import threading
import xml.etree.ElementTree as xml
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from xml.sax.saxutils import escape

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
STOCKS = "urn:stocks"
LARGEST_BODY = 10 * 1024 * 1024


class Fault(Exception):
    """A request that the exchange does not fulfil."""

    def __init__(self, code, reason):
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Exchange:
    """All data. Every method holds the lock, as requests come on threads of their own."""

    def __init__(self):
        self.lock = threading.Lock()
        self.prices = {
            "ACME": Decimal("12.50"),
            "GLOBEX": Decimal("99.90"),
            "INITECH": Decimal("0.75"),
        }
        self.orders = 0

    def price(self, symbol):
        if symbol not in self.prices:
            raise Fault("soap:Client", f"there is no stock '{symbol}'")
        return self.prices[symbol]

    def list_quotes(self, _request):
        quotes = "".join(
            f"<quote><symbol>{symbol}</symbol><price>{price}</price></quote>"
            for symbol, price in self.prices.items()
        )
        return f"<ListQuotesResponse xmlns='{STOCKS}'>{quotes}</ListQuotesResponse>"

    def get_quote(self, request):
        symbol = text(request, "symbol")
        price = self.price(symbol)
        return (
            f"<GetQuoteResponse xmlns='{STOCKS}'><symbol>{escape(symbol)}</symbol>"
            f"<price>{price}</price></GetQuoteResponse>"
        )

    def place_order(self, request):
        total = Decimal(0)
        for item in request.findall(f"{{{STOCKS}}}item"):
            total += self.price(text(item, "symbol")) * int(text(item, "quantity"))
        note = request.findtext(f"{{{STOCKS}}}note")
        with self.lock:
            self.orders += 1
            order = self.orders
        note = "" if note is None else f"<note>{escape(note)}</note>"
        return (
            f"<PlaceOrderResponse xmlns='{STOCKS}'><orderId>{order}</orderId>"
            f"<total>{total}</total>{note}</PlaceOrderResponse>"
        )


def text(element, name):
    found = element.findtext(f"{{{STOCKS}}}{name}")
    if not found:
        raise Fault("soap:Client", f"the element '{name}' is missing")
    return found


class Handler(BaseHTTPRequestHandler):
    """One connection: HTTP/1.1 with keep-alive."""

    protocol_version = "HTTP/1.1"
    # The body leaves at once instead of waiting until the head is acknowledged.
    disable_nagle_algorithm = True

    OPERATIONS = {
        "ListQuotes": Exchange.list_quotes,
        "GetQuote": Exchange.get_quote,
        "PlaceOrder": Exchange.place_order,
    }

    def version_string(self):
        return "exchange"

    def do_GET(self):
        self.answer(200, f"<Open xmlns='{STOCKS}'/>")

    def do_POST(self):
        try:
            self.answer(200, self.called())
        except Fault as fault:
            # SOAP 1.1, section 6.2: whatever goes wrong has the status 500.
            self.answer(
                500,
                f"<soap:Fault><faultcode>{fault.code}</faultcode>"
                f"<faultstring>{escape(fault.reason)}</faultstring></soap:Fault>",
            )

    def called(self):
        length = int(self.headers.get("Content-Length", 0))
        if not 0 <= length <= LARGEST_BODY:
            self.close_connection = True
            raise Fault("soap:Client", "the envelope is too large")
        body = self.rfile.read(length)
        if not self.headers.get_content_type() == "text/xml":
            raise Fault("soap:Client", "the request is not text/xml")
        if b"<!DOCTYPE" in body:
            raise Fault("soap:Client", "SOAP has no document type declarations")
        try:
            envelope = xml.fromstring(body)
        except xml.ParseError as error:
            raise Fault("soap:Client", f"the request is not XML: {error}") from error
        request = envelope.find(f"{{{SOAP}}}Body/*")
        name = "" if request is None else request.tag.removeprefix(f"{{{STOCKS}}}")
        action = self.headers.get("SOAPAction", "").strip('"')
        if name not in self.OPERATIONS or action != f"{STOCKS}#{name}":
            raise Fault("soap:Client", f"there is no operation '{name}' for '{action}'")
        return self.OPERATIONS[name](self.server.exchange, request)

    def answer(self, status, content):
        body = (
            "<?xml version='1.0' encoding='UTF-8'?>\n"
            f"<soap:Envelope xmlns:soap='{SOAP}'><soap:Body>{content}</soap:Body></soap:Envelope>"
        ).encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/xml; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *arguments):
        """Says nothing: the gateway has an access log."""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=9000, help="0 takes a free one (default: 9000)")
    server = ThreadingHTTPServer(("127.0.0.1", parser.parse_args().port), Handler)
    server.exchange = Exchange()
    print(f"stock exchange at http://127.0.0.1:{server.server_address[1]}", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        server.server_close()


if __name__ == "__main__":
    main()
