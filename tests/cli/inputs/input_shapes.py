"""Inputs of call UUIDs as portals, spreadsheets, databases and shells write them."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import lzma
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Sequence

from attrs import frozen

BOM = b"\xef\xbb\xbf"
COLUMN = ("--column", "Call UUID")
KEY = ("--key", "call_uuid")
Ids = Sequence[str]


@frozen
class Shape:
    """An input with five call UUIDs.

    Attributes:
        name: Its description.
        text: Its content.
        options: How the command is called.
        named: The pattern of the message if it is not read; empty if it is.
        without_id: How many rows without a call UUID it has.
    """

    name: str
    text: bytes
    options: tuple[str, ...] = ()
    named: str = ""
    without_id: int = 0


def shapes(ids: Ids) -> list[Shape]:
    """Return all shapes of these five call UUIDs."""
    return [*_plain(ids), *_lists(ids), *_csv(ids), *_headers(ids), *_quotes(ids), *_json(ids), *_binary(ids)]


def _lines(ids: Ids, form: str = "{}", end: str = "\n") -> bytes:
    return "".join(form.format(one) + end for one in ids).encode()


def _zip(name: str, content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        # The bytes of this time have a newline.
        archive.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 20)), content)
    return file.getvalue()


def _tar(content: bytes) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        member = tarfile.TarInfo("ids.txt")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return file.getvalue()


def _plain(ids: Ids) -> Iterator[Shape]:
    plain = _lines(ids)
    yield Shape("plain", plain)
    yield Shape("plain, no newline at the end", plain.rstrip())
    yield Shape("plain, CRLF", _lines(ids, end="\r\n"))
    yield Shape("plain, lone CR", _lines(ids, end="\r"))
    yield Shape("plain, CR CR LF", _lines(ids, end="\r\r\n"))
    yield Shape("plain, BOM", BOM + plain)
    yield Shape("plain, BOM in the middle", plain[:37] + BOM + plain[37:])
    yield Shape("plain, blank lines and spaces", b"\n\n" + _lines(ids, "  {}\t\n"))
    yield Shape("plain, no-break spaces", _lines(ids, "\u00a0{}\u00a0"))
    yield Shape("plain, spaces without width", _lines(ids, "\u200b{}\u2060"))
    yield Shape("plain, soft hyphens and marks of direction", _lines(ids, "\u00ad{}\u200e"))
    yield Shape("plain, upper case", plain.upper())
    yield Shape("plain, UTF-16 LE with BOM", plain.decode().encode("utf-16"))
    yield Shape("plain, UTF-16 BE with BOM", b"\xfe\xff" + plain.decode().encode("utf-16-be"))
    yield Shape("plain, UTF-16 LE without BOM", plain.decode().encode("utf-16-le"))
    yield Shape("plain, UTF-16 BE without BOM", plain.decode().encode("utf-16-be"))
    yield Shape("plain, UTF-32 with BOM", plain.decode().encode("utf-32"))
    yield Shape("plain, comments", b"# January\n" + plain + b"# end\n")
    yield Shape("plain, header call_uuid", b"call_uuid\n" + plain)
    yield Shape("plain, header Call UUID", b"Call UUID\n" + plain)
    yield Shape("plain, header in quotes", b'"Call UUID"\n' + _lines(ids, '"{}"'))
    yield Shape("plain, header, --column", b"Call UUID\n" + plain, COLUMN)
    yield Shape("plain, title", b"Calls of January\n" + plain)
    yield Shape("plain, header repeated", b"call_uuid\n" + plain + b"call_uuid\n")
    yield Shape("plain, total below", plain + b"Total: 5 calls\n", without_id=1)
    yield Shape("plain, NULL", plain + b"NULL\n", without_id=1)
    yield Shape("plain, sum below", plain + b"Summe 5\n", without_id=1)
    yield Shape("plain, other dashes", plain.replace(b"-", "\u2011".encode()))
    yield Shape("ids in quotes", _lines(ids, '"{}"'))
    yield Shape("ids in apostrophes", _lines(ids, "'{}'"))
    yield Shape("ids after an apostrophe", _lines(ids, "'{}"))
    yield Shape('ids as ="…"', _lines(ids, '="{}"'))
    yield Shape("ids in braces", _lines(ids, "{{{}}}"))
    yield Shape("ids in braces and quotes", _lines(ids, '"{{{}}}"'))
    yield Shape("ids in backticks", _lines(ids, "`{}`"))
    yield Shape("ids in angle brackets", _lines(ids, "<{}>"))
    yield Shape("ids in typographic quotes", _lines(ids, "“{}”"))
    yield Shape("urn:uuid:", _lines(ids, "urn:uuid:{}"))
    yield Shape("resource URI", _lines(ids, "/v1/Account/MA0123456789ABCDEFGH/Call/{}/"))
    yield Shape("URL", _lines(ids, "https://api.plivo.com/v1/Account/MA0123456789ABCDEFGH/Call/{}/"))


def _lists(ids: Ids) -> Iterator[Shape]:
    yield Shape("comma after each id", _lines(ids, "{},"))
    yield Shape("ids and commas on one line", ",".join(ids).encode())
    yield Shape("ids, commas and spaces on one line", ", ".join(ids).encode() + b"\n")
    yield Shape("ids and spaces on one line", " ".join(ids).encode())
    yield Shape("ids and tabs on one line", "\t".join(ids).encode())
    yield Shape("ids and semicolons on two lines", f"{ids[0]};{ids[1]}\n{';'.join(ids[2:])}".encode())
    yield Shape("SQL, 'id', per line", _lines(ids, "'{}',"))
    yield Shape("SQL list", f"({', '.join(map(repr, ids))})\n".encode())
    yield Shape("list of Python", repr(list(ids)).encode())
    yield Shape("list of Markdown", _lines(ids, "- {}"))
    yield Shape("call_uuid: id", _lines(ids, "call_uuid: {}"))
    yield Shape("SQL statements", _lines(ids, "insert into c values ('{}', 1);"), named="use: grep -Eoi")
    yield Shape("log lines", _lines(ids, "2026-01-01 12:00 INFO call {} ended"), named="use: grep -Eoi")
    yield Shape("SQL list over lines", b"(\n" + _lines(ids[:-1], "  '{}',") + f"  '{ids[4]}'\n);\n".encode())
    rows = "".join(f" {one}\n" for one in ids)
    yield Shape("psql table", f"              call_uuid\n{'-' * 38}\n{rows}(5 rows)\n\n".encode())
    text = f"call_uuid\r\n{'-' * 36}\r\n" + "".join(f"{one}\r\n" for one in ids)
    yield Shape("sqlcmd table", f"{text}\r\n(5 rows affected)\r\n".encode())
    yield Shape("psql table, other name", f"                leg\n{'-' * 38}\n{rows}(5 rows)\n\n".encode())
    wide = "".join(f" {one} |  {number}\n" for number, one in enumerate(ids))
    head = f" call_uuid                            | n\n{'-' * 38}+---\n"
    yield Shape("psql table, --column", f"{head}{wide}(5 rows)\n".encode(), ("--column", "call_uuid"))
    yield Shape("psql -At, two columns", _lines(ids, "{}|x"), named=r"looks like CSV.*--column 1\b")
    rule = f"+{'-' * 38}+\n"
    rows = "".join(f"| {one} |\n" for one in ids)
    yield Shape("mysql table", f"{rule}| call_uuid {' ' * 26}|\n{rule}{rows}{rule}".encode())
    rule = f"+----+{'-' * 38}+\n"
    rows = "".join(f"| 12 | {one} |\n" for one in ids)
    drawn = f"{rule}| n  | call_uuid {' ' * 26}|\n{rule}{rows}{rule}5 rows in set (0.00 sec)\n".encode()
    yield Shape("mysql table, --column", drawn, ("--column", "call_uuid"))
    yield Shape("mysql table, column by number", drawn, ("--column", "2"))
    form = _lines(ids, "CallUUID={}&From=4915550000&To=49155501")
    yield Shape("forms of callbacks", form, named="form of a callback")


def _table(ids: Ids, delimiter: str = ",", end: str = "\n", names: str = "Call UUID,From,Amount") -> bytes:
    rows = [names.split(","), *([one, "+49155501", "0.00850"] for one in ids)]
    return "".join(delimiter.join(row) + end for row in rows).encode()


def _csv(ids: Ids) -> Iterator[Shape]:
    table = _table(ids)
    console = "Parent call UUID,From number,Call UUID,To number,Amount"
    rows = [["p", "+4915", one, "+4916", "0,00850"] for one in ids]
    file = io.StringIO()
    csv.writer(file, quoting=csv.QUOTE_ALL).writerows([console.split(","), *rows])
    yield Shape("CSV", table, COLUMN)
    yield Shape("CSV, BOM and CRLF", BOM + _table(ids, end="\r\n"), COLUMN)
    yield Shape("CSV, all cells quoted", file.getvalue().encode(), COLUMN)
    yield Shape("CSV, spaces around names", _table(ids, names=" Call UUID , From , Amount "), COLUMN)
    yield Shape("CSV, semicolons", _table(ids, ";"), COLUMN)
    yield Shape("CSV, tabs", _table(ids, "\t"), COLUMN)
    yield Shape("CSV, bars", _table(ids, "|"), COLUMN)
    yield Shape("CSV, decimal commas", _table(ids, ";").replace(b"0.0", b"0,0"), COLUMN)
    yield Shape("CSV, Latin-1", table.replace(b"From", "Gerät".encode("latin-1")), COLUMN)
    latin = table.replace(b"Call UUID", "Gespräch".encode("latin-1"))
    yield Shape("CSV, Latin-1 in the column's name", latin, ("--column", "Gespräch"))
    yield Shape("CSV, newlines in cells", table.replace(b"+49155501", b'"+49\n155501"'), COLUMN)
    yield Shape("CSV, newline in the header", table.replace(b"From", b'"From\nnumber"'), COLUMN)
    yield Shape("CSV, commas at the end", table.replace(b"\n", b",,\n"), COLUMN)
    yield Shape("CSV, rows of commas", table + b",,\n,,\n", COLUMN, without_id=2)
    yield Shape("CSV, NUL in another cell", table.replace(b"+49155501", b"+49\x00155501"), COLUMN)
    yield Shape("CSV, a cell of 200 kB", table.replace(b"+49155501", b"x" * 200_000), COLUMN)
    yield Shape("CSV, no-break spaces around ids", table.replace(b",+", b"\xc2\xa0,+"), COLUMN)
    yield Shape("CSV, lone CR", _table(ids, end="\r"), COLUMN)
    yield Shape("CSV, UTF-16 with BOM and tabs", _table(ids, "\t").decode().encode("utf-16"), COLUMN)
    yield Shape("CSV, UTF-16 LE without BOM", table.decode().encode("utf-16-le"), COLUMN)
    yield Shape("CSV, UTF-16 BE without BOM", table.decode().encode("utf-16-be"), COLUMN)
    yield Shape("CSV, sep=;", b"sep=;\n" + _table(ids, ";"), COLUMN)
    yield Shape("CSV, sep=, quoted", b'"sep=,"\r\n' + _table(ids, end="\r\n"), COLUMN)
    yield Shape("CSV, sep=^", b"sep=^\n" + _table(ids, "^"), COLUMN)
    yield Shape("CSV, header of another file below", table + table.splitlines()[0] + b"\n", COLUMN)
    yield Shape("CSV, total below", table + b"Total,,0.04250\n", COLUMN, without_id=1)
    yield Shape(
        "CSV, short total below",
        b"n," + table.replace(b"\n", b"\n1,")[:-2] + b"Total\n",
        COLUMN,
        without_id=1,
    )
    yield Shape("CSV, a row without an id", table + b",+49155501,0.00850\n", COLUMN, without_id=1)
    yield Shape("CSV, NULL", table + b"NULL,NULL,NULL\n", COLUMN, without_id=1)
    yield Shape('CSV, ids as ="…"', _lines(ids, 'x,"=""{}"""').replace(b"x", b"n,Call UUID\nx", 1), COLUMN)
    yield Shape("CSV, ids in braces", b"Call UUID,n\n" + _lines(ids, "{{{}}},1"), COLUMN)


def _headers(ids: Ids) -> Iterator[Shape]:
    table = _table(ids)
    yield Shape("CSV, title above", b"Call Logs Report\n\n" + table, COLUMN)
    yield Shape("CSV, titles with commas above", b"Report,January\nfrom,to\n,,\n" + table, COLUMN)
    yield Shape("CSV, # lines above", b"# made by a portal\n# 5 calls\n" + table, COLUMN)
    yield Shape(
        "CSV, commas in names, semicolons",
        _table(ids, ";").replace(b"From", b"From, the caller, as sent"),
        COLUMN,
    )
    quoted = _table(ids, ";").replace(b"From", b'"From, the caller, as sent, or not"')
    yield Shape("CSV, commas in quoted names, semicolons", quoted, COLUMN)
    yield Shape("CSV, column in lower case", table, ("--column", "call uuid"))
    yield Shape("CSV, column with an underscore", table, ("--column", "call_uuid"))
    yield Shape("CSV, column with a space at the end", table, ("--column", "Call UUID "))
    yield Shape("CSV, column by number", table, ("--column", "1"))
    master = _lines(
        ids, '"Bob, the 1st","1000","1001","default","2026-01-01","","","9","7","NORMAL","{}","","acc"'
    )
    yield Shape("CSV without a header, column by number", master, ("--column", "11"))
    yield Shape(
        "CSV without a header, a cell like the number", master.replace(b"1000", b"11"), ("--column", "11")
    )
    yield Shape("CSV, a header by number", _table(ids, names="Leg UUID,n"), ("--column", "1"))
    yield Shape("CSV without a header, by name", master, COLUMN, named="--column 11")
    yield Shape("CSV without --column", table, named=r"looks like CSV.*--column 'Call UUID'")
    yield Shape("CSV without a header and --column", master, named="looks like CSV")
    yield Shape(
        "CSV, no such column", table, ("--column", "uuid"), named="columns are: Call UUID, From, Amount"
    )
    yield Shape("CSV, a column misspelt", table, ("--column", "Call UID"), named="did you mean 'Call UUID'")
    twice = _table(ids, names="Call UUID,call_uuid,Amount")
    yield Shape("CSV, two columns of one name", twice, ("--column", "calluuid"), named="--column 1 or 2")
    yield Shape("CSV with --key", table, KEY, named="if this is CSV, name its column: --column")
    yield Shape(
        "CSV, column number too high", table, ("--column", "9"), named="no column '9'; the columns are"
    )


def _quotes(ids: Ids) -> Iterator[Shape]:
    a, b, c, d, e = ids
    text = f'Call UUID,Note\n{a},5" tall\n{b},ok\n{c},6" tall\n{d},ok\n{e},ok\n'
    yield Shape("quotes inside cells", text.encode(), COLUMN)
    text = f'Note,Call UUID\n"say \\"hi\\"",{a}\n' + "".join(f"ok,{one}\n" for one in ids[1:])
    yield Shape("quotes after backslashes", text.encode(), COLUMN)
    text = "Note,Call UUID\n" + "".join(f'"O\\"Neil, J",{one}\n' for one in ids)
    yield Shape("quotes after backslashes, with commas", text.encode(), COLUMN)
    text = f'Call UUID,Note\n{a},"Bob\n{b},ok\n{c},"Al\n{d},ok\n{e},ok\n'
    yield Shape("two stray quotes", text.encode(), COLUMN, named="line 4: not CSV")
    text = f'Call UUID,Note\n{a},"Bob\n{b},ok\n{c},Al"\n{d},ok\n{e},ok\n'
    yield Shape("two stray quotes that fit", text.encode(), COLUMN, named="line 3: .* inside a quote")
    text = f'Call UUID,Note\n{a},ok\n{b},"Bob\n{c},ok\n{d},ok\n{e},ok\n'
    yield Shape(
        "a quote that is never closed", text.encode(), COLUMN, named="line 3: the quote .* never closed"
    )
    text = f"Call UUID,Note\n{a}\n{b},ok,more,cells\n{c},\n{d},ok\n{e},ok\n"
    yield Shape("ragged rows", text.encode(), COLUMN)


def _json(ids: Ids) -> Iterator[Shape]:
    objects = [{"n": [1, {"a": "]}"}], "call_uuid": one} for one in ids]
    page = {"api_id": "x", "meta": {"limit": 20, "next": None}, "objects": objects}
    lines = b"".join(json.dumps(each).encode() + b"\n" for each in objects)
    dump: Callable[..., bytes] = lambda value, **how: json.dumps(value, **how).encode()  # noqa: E731
    yield Shape("NDJSON", lines, KEY)
    yield Shape("NDJSON, BOM and CRLF", BOM + lines.replace(b"\n", b"\r\n"), KEY)
    yield Shape("NDJSON, UTF-16 with BOM", lines.decode().encode("utf-16"), KEY)
    yield Shape("NDJSON, {..}, per line", lines.replace(b"\n", b",\n"), KEY)
    yield Shape("NDJSON, {..}, per line in [ ]", b"[\n" + lines.replace(b"\n", b",\n")[:-2] + b"\n]\n", KEY)
    yield Shape("NDJSON, null and absent", lines + b'{"call_uuid":null}\n{"ping":1}\n', KEY, without_id=2)
    yield Shape("NDJSON, Latin-1", lines.replace(b'"n"', b'"n\xfc"'), KEY)
    nested = b"".join(dump({"event": {"CallUUID": one}}) + b"\n" for one in ids)
    yield Shape("NDJSON, a path", nested, ("--key", "event.CallUUID"))
    yield Shape(
        "NDJSON, a key inside another", nested, ("--key", "CallUUID"), named="mean --key event.CallUUID"
    )
    yield Shape("NDJSON, a key in another case", lines, ("--key", "CallUUID"), named="mean --key call_uuid")
    yield Shape("NDJSON without --key", lines, named="looks like NDJSON.*--key call_uuid")
    yield Shape("NDJSON with --column", lines, COLUMN, named="looks like JSON; name the key")
    yield Shape(
        "NDJSON, ids in braces", b"".join(dump({"call_uuid": f"{{{one}}}"}) + b"\n" for one in ids), KEY
    )
    uris = b"".join(dump({"resource_uri": f"/v1/Account/MA/Call/{one}/"}) + b"\n" for one in ids)
    yield Shape("NDJSON, resource URIs", uris, ("--key", "resource_uri"))
    yield Shape("NDJSON, broken", lines[:-10], KEY, named="line 5: not JSON")
    yield Shape("plain with --key", _lines(ids), KEY, named="leave out --key")
    yield Shape("ids in quotes with --key", _lines(ids, '"{}"'), KEY)
    yield Shape("JSON array of texts", dump(ids))
    yield Shape("JSON array of texts, indented", dump(ids, indent=2))
    yield Shape("JSON array of texts with --key", dump(ids), KEY)
    yield Shape("JSON array of objects", dump(objects), KEY)
    yield Shape("JSON array of objects, indented", dump(objects, indent=4), KEY)
    yield Shape("JSON array of objects without --key", dump(objects), named="name the key .* --key call_uuid")
    yield Shape("JSON array of arrays", dump([[one] for one in ids]))
    yield Shape(
        "JSON, another list", dump({"data": {"calls": objects}}), KEY, r"use: jq -c '\.data\.calls\[\]'"
    )
    yield Shape("JSON array, cut short", dump(objects)[:-1], KEY, named="ends early")
    yield Shape("list page", dump(page), KEY)
    yield Shape("list page, indented", dump(page, indent=4), KEY)
    pages = [{**page, "objects": objects[:2]}, {**page, "objects": objects[2:]}]
    yield Shape("list pages, one per line", b"\n".join(map(dump, pages)), KEY)
    yield Shape("list pages in an array", dump(pages), KEY)
    yield Shape("list page without --key", dump(page), named="like JSON; .* --key call_uuid")
    yield Shape("list page, indented, without --key", dump(page, indent=4), named="--key call_uuid")
    yield Shape("JSON objects, indented", b"\n".join(dump(each, indent=2) for each in objects), KEY)
    yield Shape("JSON objects without newlines", b"".join(map(dump, objects)), KEY)
    yield Shape("JSON text sequence", b"".join(b"\x1e" + dump(each) + b"\n" for each in objects), KEY)


def _binary(ids: Ids) -> Iterator[Shape]:
    plain, table = _lines(ids), _table(ids)
    lines = b"".join(json.dumps({"call_uuid": one}).encode() + b"\n" for one in ids)
    yield Shape("gzip, plain", gzip.compress(plain, mtime=0))
    yield Shape("gzip, CSV", gzip.compress(table, mtime=0), COLUMN)
    yield Shape("gzip, NDJSON", gzip.compress(lines, mtime=0), KEY)
    yield Shape("gzip, UTF-16", gzip.compress(plain.decode().encode("utf-16"), mtime=0))
    yield Shape("gzip, two members", gzip.compress(plain[:74], mtime=0) + gzip.compress(plain[74:], mtime=0))
    yield Shape("gzip, padded", gzip.compress(plain, mtime=0) + bytes(512))
    yield Shape(
        "gzip and something else", gzip.compress(plain, mtime=0) + plain, named="something else follows"
    )
    yield Shape("gzip, cut short", gzip.compress(plain, mtime=0)[:-12], named="gzip data ends early")
    yield Shape(
        "gzip inside gzip",
        gzip.compress(gzip.compress(plain, mtime=0), mtime=0),
        named="gzip inside gzip; use: zcat",
    )
    yield Shape(
        "zip, CSV", _zip("calls.csv", table), COLUMN, named=r"zip archive; use: unzip -p .*'Call UUID'"
    )
    yield Shape("zip, plain", _zip("ids.txt", plain), named="zip archive; use: unzip -p")
    yield Shape("xlsx", _zip("xl/workbook.xml", table), COLUMN, named="Excel workbook.*save it as CSV")
    yield Shape("xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504), COLUMN, named="old Excel workbook")
    yield Shape("bzip2", bz2.compress(plain), named="bzip2; use: bzcat")
    yield Shape("xz", lzma.compress(plain), named="xz; use: xzcat")
    yield Shape("zstd", b"\x28\xb5\x2f\xfd" + bytes(99), named="zstd; use: zstdcat")
    yield Shape("tar.gz", gzip.compress(_tar(plain), mtime=0), named="tar archive; use: tar -xOf")
    yield Shape("Parquet", b"PAR1" + bytes(99), named="Parquet; use: duckdb .*call_uuid")
    yield Shape("SQLite", b"SQLite format 3\0" + bytes(99), named="SQLite database; use: sqlite3")
    yield Shape("PDF", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", named="a PDF; save the call UUIDs as text")
    yield Shape("PNG", b"\x89PNG\r\n\x1a\n" + bytes(99), named="this is a picture")
    yield Shape("HTML", b"<!DOCTYPE html>\n<html>Log in</html>", named="web page")
    yield Shape("XML", b"<?xml version='1.0'?>\n<calls/>", COLUMN, named="this is XML")
    yield Shape("NUL bytes", bytes(999), named="this is binary data")
    yield Shape("random bytes", bytes(range(1, 32)) * 20, named="this is binary data")
