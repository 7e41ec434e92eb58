#!/usr/bin/env python3
"""A card acquirer's side in some 70 lines, on pyiso8583: ISO 8583:1987 in ASCII behind two bytes of length.

    terminal.py HOST:PORT CARD CURRENCY [INSTITUTION]     a session: sign-on, authorisation, its repetition, a reversal down to a
                                                          part of it, its completion, purchase, reversal, a reversal that
                                                          is early, a decline, sign-off
"""
import datetime, socket, struct, sys
import iso8583
from iso8583.specs import default_ascii

SPEC = {**default_ascii, "h": {"data_enc": "ascii", "len_enc": "ascii", "len_type": 0, "max_len": 0, "desc": "none"}}
NAMES = {"0100": "authorisation", "0101": "repeated", "0200": "purchase", "0220": "completion", "0420": "reversal",
         "0800": "network management"}

class Line:
    def __init__(self, address):
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout=30)
        self.stream = self.socket.makefile("rb")

    def ask(self, message):
        sent, _ = iso8583.encode(message, SPEC)
        self.socket.sendall(struct.pack(">H", len(sent)) + sent)
        (length,) = struct.unpack(">H", self.stream.read(2))
        answer, _ = iso8583.decode(self.stream.read(length), SPEC)
        assert answer["11"] == message["11"] and answer["t"][:2] == message["t"][:2], "the answer is this request's"
        what = f"{message['t']} {NAMES[message['t']]:18} {message.get('4', '').lstrip('0'):>11}"
        print(f"{what}  ->  {answer['t']} {answer['39']} {answer.get('38', '')}".rstrip())
        return answer

class Acquirer:
    def __init__(self, line, card, currency, institution):
        self.line, self.card, self.currency, self.institution, self.trace = line, card, currency, institution, 0

    def message(self, kind, **fields):
        self.trace += 1
        now = datetime.datetime.now(datetime.timezone.utc)
        own = {"t": kind, "7": now.strftime("%m%d%H%M%S"), "11": f"{self.trace:06}", "32": self.institution}
        return {**own, **{name[1:]: value for name, value in fields.items()}}

    def payment(self, kind, code, amount, **fields):
        return self.message(kind, _2=self.card, _3=code, _4=f"{amount:012}", _37=f"{self.trace:012}", _41="TERM0001",
                            _42="MERCHANT0000001", _49=self.currency, **fields)

    def about(self, original):
        return f"{original['t']}{original['11']}{original['7']}{int(self.institution):011}{0:011}"

    def session(self):
        ask, answers = self.line.ask, []
        say = lambda message: answers.append(ask(message)) or message
        say(self.message("0800", _70="001"))
        held = say(self.payment("0100", "000000", 5000))
        say({**held, "t": "0101"})
        say(self.payment("0420", "000000", 5000, _90=self.about(held), _95=f"{3000:012}{0:030}"))
        say(self.payment("0220", "000000", 3000, _90=self.about(held)))
        paid = say(self.payment("0200", "000000", 1250))
        say(self.payment("0420", "000000", 1250, _90=self.about(paid)))
        late = self.payment("0100", "000000", 700)
        say(self.payment("0420", "000000", 700, _90=self.about(late)))
        say(late)
        say(self.payment("0200", "000000", 99999999999))
        say(self.message("0800", _70="002"))
        codes = [answer["39"] for answer in answers]
        assert codes == ["00", "00", "00", "00", "00", "00", "00", "25", "68", "51", "00"], codes
        assert answers[1]["38"] == answers[2]["38"], "a repetition has the original's approval code"

if __name__ == "__main__":
    address, card, currency = sys.argv[1:4]
    institution = sys.argv[4] if len(sys.argv) > 4 else "1050000"
    Acquirer(Line(address), card, currency, institution).session()
