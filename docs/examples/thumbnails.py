#!/usr/bin/python3
"""A small web service that grows: what docs/tutorial.md looks into.

    thumbnails.py serve PORT        serves /thumbnail?image=N&session=S
    thumbnails.py visit PORT COUNT  asks for COUNT of them, as visitors would

It draws each thumbnail once and keeps it.  What it takes for "the same
thumbnail" is where it goes wrong."""

import http.client
import http.server
import random
import sys
import urllib.parse

IMAGES = 200        # that there are to be shown
SIDE = 128          # pixels
HISTORY = []        # the last requests, for a page of statistics


class Cache:
    """Thumbnails that have been drawn, by what was asked for."""

    def __init__(self):
        self.drawn = {}

    def get(self, request, draw):
        if request not in self.drawn:
            self.drawn[request] = draw()
        return self.drawn[request]


def draw_thumbnail(image):
    """A picture in the PPM format, made up from the image's number."""
    rows = (bytes((image * 7 + x ^ y) & 255 for x in range(SIDE)) * 3
            for y in range(SIDE))
    return b"P6 %d %d 255\n" % (SIDE, SIDE) + b"".join(rows)


CACHE = Cache()


class Thumbnails(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16  # one packet an answer

    def do_GET(self):
        asked = urllib.parse.urlsplit(self.path)
        query = urllib.parse.parse_qs(asked.query)
        image = int(query["image"][0])
        picture = CACHE.get(self.path, lambda: draw_thumbnail(image))
        self.remember(query)
        self.send_response(200)
        self.send_header("Content-Length", str(len(picture)))
        self.end_headers()
        self.wfile.write(picture)

    def remember(self, query):
        HISTORY.append(query)
        del HISTORY[:-1000]

    def log_message(self, *args):
        pass


def serve(port):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Thumbnails)
    print(f"serving on http://127.0.0.1:{server.server_port}", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass


def visit(port, count):
    connection = http.client.HTTPConnection("127.0.0.1", port)
    for _ in range(count):
        image = random.randrange(IMAGES)
        session = random.randrange(1 << 32)
        connection.request("GET",
                           f"/thumbnail?image={image}&session={session:08x}")
        connection.getresponse().read()


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] == "serve":
        serve(int(sys.argv[2]))
    elif len(sys.argv) == 4 and sys.argv[1] == "visit":
        visit(int(sys.argv[2]), int(sys.argv[3]))
    else:
        sys.exit(__doc__)
